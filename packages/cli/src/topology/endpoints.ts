import { readFile } from "node:fs/promises";
import { join } from "node:path";

// A namespace import, so that a bundle has only what is used: `z` carries every language's messages.
import * as z from "zod";

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
  const endpoints = endpointsSchema.safeParse(parseJson(text));
  if (endpoints.success) return endpoints.data;
  throw new UserError(
    `${file} is not what ai-edge writes; start again with "ai-edge up --data-dir ${dataDir}"`,
  );
}

/**
 * The addresses to begin with: those of the last start, which are kept, until each process says its own. So a start that
 * fails half-way does not take away from the user what he knew.
 * @param names the edges of this start
 */
export function resumeEndpoints(previous: Endpoints | undefined, names: readonly string[]): Endpoints {
  return {
    core: previous?.core ?? { api: "", registry: "", forge: "", metrics: "" },
    edges: names.map(
      (name) => previous?.edges.find((edge) => edge.name === name) ?? { name, api: "", routes: [] },
    ),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
