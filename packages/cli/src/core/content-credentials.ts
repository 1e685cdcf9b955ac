import { readFile } from "node:fs/promises";
import { join } from "node:path";

// A namespace import, so that a bundle has only what is used: `z` carries every language's messages.
import * as z from "zod";

const FILE = "credentials.json";
const schema = z.object({ username: z.string(), token: z.string() });

/** What a person on the core's machine uses for git and the registry: HTTP Basic, with the token as password. */
export type ContentCredentials = z.infer<typeof schema>;

/** The path of the credentials in a core's data directory; mode 0600. */
export function contentCredentialsFile(coreDataDir: string): string {
  return join(coreDataDir, FILE);
}

/** Reads the administrator's credentials of forge and registry from a core's data directory. */
export async function readContentCredentials(coreDataDir: string): Promise<ContentCredentials> {
  return schema.parse(JSON.parse(await readFile(contentCredentialsFile(coreDataDir), "utf8")));
}
