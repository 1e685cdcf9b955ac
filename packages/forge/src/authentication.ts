import type { IncomingMessage } from "node:http";
import type { RepositoryName } from "./repository.ts";

/** What a request shows: git clients send Basic, API clients `Authorization: token …` or `Bearer …`. */
export type ForgeCredentials =
  | { scheme: "basic"; username: string; password: string }
  | { scheme: "bearer"; token: string };

export interface ForgeUser {
  /** Shown as author of pull requests and merges; owner of repositories made with `POST /user/repos`. */
  login: string;
}

/** Says who shows these credentials; undefined refuses them. */
export type Authenticate = (credentials: ForgeCredentials) => Promise<ForgeUser | undefined>;

/** `read`: fetch and GET; `write`: push, pull requests, merges; `create`: new repositories. */
export type ForgeVerb = "read" | "write" | "create";

/** Says whether a user may do this to a repository. */
export type Authorize = (user: ForgeUser, verb: ForgeVerb, repository: RepositoryName) => Promise<boolean>;

/** Longer headers than any token of ours (a ServiceAccount token has some 1.2 KB) are not looked into. */
const MAX_HEADER_CHARS = 16 * 1024;

/** Reads the `Authorization` header; undefined if there is none or it has no known form. */
export function credentialsOf(request: IncomingMessage): ForgeCredentials | undefined {
  const header = request.headers.authorization;
  if (header === undefined || header.length > MAX_HEADER_CHARS) return undefined;
  const match = /^(basic|bearer|token) +(\S+)$/i.exec(header.trim());
  const scheme = match?.[1]?.toLowerCase();
  const value = match?.[2];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme !== "basic") return { scheme: "bearer", token: value };
  const decoded = Buffer.from(value, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return undefined;
  return { scheme: "basic", username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
