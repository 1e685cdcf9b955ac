import { LABEL_ARGOCD_SECRET_TYPE, type Secret } from "@ai-edge/api";

/** How git shall present itself at a repository. */
export interface RepositoryCredentials {
  username: string;
  password: string;
  bearerToken: string;
  insecure: boolean;
}

/**
 * The credentials for a repository among Argo CD's Secrets: an exact `repository`, else the `repo-creds` with the
 * longest URL prefix (`util/db/repository_secrets.go`). A `repository` without credentials takes those of a prefix.
 * @param urls the URL of the Application, and what git makes of it (`url.<base>.insteadOf`)
 */
export function findCredentials(
  secrets: readonly Secret[],
  urls: readonly string[],
): RepositoryCredentials | undefined {
  const wanted = urls.map(normalizeRepositoryUrl);
  const exact = ofType(secrets, "repository").find((secret) =>
    wanted.includes(normalizeRepositoryUrl(valueOf(secret, "url"))),
  );
  const own = exact === undefined ? undefined : credentialsOf(exact);
  if (own !== undefined && hasCredentials(own)) return own;
  const prefixes = ofType(secrets, "repo-creds")
    .map((secret) => ({ secret, prefix: normalizeRepositoryUrl(valueOf(secret, "url")) }))
    .filter(({ prefix }) => prefix !== "" && wanted.some((url) => isBelow(url, prefix)))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const [best] = prefixes;
  if (best === undefined) return own;
  return {
    ...credentialsOf(best.secret),
    insecure: own?.insecure === true || credentialsOf(best.secret).insecure,
  };
}

/** A prefix ends where a path segment ends: `https://host` is no prefix of `https://host.evil.com`. */
function isBelow(url: string, prefix: string): boolean {
  return url === prefix || url.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

/** URLs that name one repository compare equal: case of the host, `.git`, trailing slashes do not matter. */
export function normalizeRepositoryUrl(url: string): string {
  const trimmed = url
    .trim()
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
  const parsed = URL.parse(trimmed);
  if (parsed === null || parsed.host === "") return trimmed;
  return `${parsed.protocol}//${parsed.host.toLowerCase()}${parsed.pathname}`.replace(/\/+$/, "");
}

/**
 * git configuration that presents credentials to one URL only.
 * @param url the URL that git will really talk to
 */
export function credentialConfig(
  url: string,
  credentials: RepositoryCredentials | undefined,
): [key: string, value: string][] {
  if (credentials === undefined || !/^https?:/.test(url)) return [];
  const config: [string, string][] = [];
  const { username, password, bearerToken, insecure } = credentials;
  if (bearerToken !== "") config.push([`http.${url}.extraHeader`, `Authorization: Bearer ${bearerToken}`]);
  else if (username !== "" || password !== "") {
    const basic = Buffer.from(`${username || "x-access-token"}:${password}`).toString("base64");
    config.push([`http.${url}.extraHeader`, `Authorization: Basic ${basic}`]);
  }
  if (insecure) config.push([`http.${url}.sslVerify`, "false"]);
  return config;
}

function ofType(secrets: readonly Secret[], type: string): Secret[] {
  return secrets.filter((secret) => secret.metadata.labels?.[LABEL_ARGOCD_SECRET_TYPE] === type);
}

function credentialsOf(secret: Secret): RepositoryCredentials {
  return {
    username: valueOf(secret, "username"),
    password: valueOf(secret, "password"),
    bearerToken: valueOf(secret, "bearerToken"),
    insecure: valueOf(secret, "insecure") === "true",
  };
}

function hasCredentials({ username, password, bearerToken }: RepositoryCredentials): boolean {
  return username !== "" || password !== "" || bearerToken !== "";
}

function valueOf(secret: Secret, key: string): string {
  const data = secret.data?.[key];
  // A header value must not contain line breaks: they would add headers.
  return data === undefined
    ? ""
    : Buffer.from(data, "base64")
        .toString("utf8")
        .replaceAll(/[\r\n]/g, "");
}
