import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { UserError } from "../user-error.ts";

const routeSchema = z.object({ namespace: z.string(), name: z.string(), url: z.string() });

const endpointsSchema = z.object({
  core: z.object({ api: z.string(), registry: z.string(), forge: z.string(), metrics: z.string() }),
  edges: z.array(z.object({ name: z.string(), api: z.string(), routes: z.array(routeSchema) })),
});

/** `D/endpoints.json`: where everything of a local topology answers. All values are base URLs. */
export type Endpoints = z.infer<typeof endpointsSchema>;
export type RouteEndpoint = z.infer<typeof routeSchema>;

export const ENDPOINTS_FILE = "endpoints.json";

/**
 * Reads `D/endpoints.json`.
 * @throws UserError if there is none: nothing was ever started in that directory
 */
export async function readEndpoints(dataDir: string): Promise<Endpoints> {
  const file = join(dataDir, ENDPOINTS_FILE);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw new UserError(`nothing runs in ${dataDir}: start it with "ai-edge up --data-dir ${dataDir}"`);
  });
  return endpointsSchema.parse(JSON.parse(text));
}
