import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { ANNOTATION_REFRESH, Application, ANNOTATION_SKIP_RECONCILE } from "@ai-edge/api";
import { isJsonObject, type JsonObject, keyOf, type ObjectKey } from "@ai-edge/apimachinery";
import type { Manager } from "@ai-edge/runtime";
import { ANNOTATION_REFRESH_TIMESTAMP } from "./application/refresh.ts";
import { normalizeRepositoryUrl } from "./git/credentials.ts";
import { GitMirror } from "./git/mirror.ts";
import { isPulled } from "./propagation/work.ts";

export interface WebhookOptions {
  manager: Manager;
  /** GitHub's webhook secret: without it anybody who can reach the handler may cause refreshes (which is all it does). */
  secret?: string | undefined;
  /** The environment of git, whose `url.<base>.insteadOf` says which Applications mean the pushed repository. */
  env: Readonly<Record<string, string | undefined>>;
}

/** GitHub sends at most 25 MB; a push event with 2,048 commits is about 2 MB. Argo CD's default is 50 MB. */
const MAX_BODY_BYTES = 5 * 1024 * 1024;

/**
 * Argo CD's `/api/webhook` for GitHub's `push` event: asks every Application that follows the pushed ref to refresh, so
 * that a merge reaches the sites at once instead of at the next poll.
 */
export function createWebhookHandler(
  options: WebhookOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const webhook = new PushWebhook(options);
  const logger = options.manager.logger.child({ webhook: "push" });
  return (request, response) => {
    const answer = (code: number, text: string) => {
      if (!response.headersSent) response.writeHead(code, { "content-type": "text/plain" });
      response.end(`${text}\n`);
    };
    webhook.handle(request).then(
      ({ code, text }) => answer(code, text),
      (error: unknown) => {
        logger.warn({ err: error }, "a push event could not be handled");
        answer(500, "the event could not be handled; Applications refresh at the next poll");
      },
    );
  };
}

interface Answer {
  code: number;
  text: string;
}

class PushWebhook {
  readonly #options: WebhookOptions;
  readonly #mirror: GitMirror;
  readonly #effectiveUrls = new Map<string, string>();

  constructor(options: WebhookOptions) {
    this.#options = options;
    // Only asks git what a URL means; nothing is ever stored.
    this.#mirror = new GitMirror({ directory: "", env: options.env });
  }

  async handle(request: IncomingMessage): Promise<Answer> {
    if (request.method !== "POST") return { code: 405, text: "a push event is sent with POST" };
    const body = await readBody(request);
    if (body === undefined) return { code: 413, text: `an event has at most ${MAX_BODY_BYTES} bytes` };
    if (!isSigned(body, this.#options.secret, request.headers["x-hub-signature-256"]))
      return { code: 401, text: "the signature does not match" };
    const event = request.headers["x-github-event"];
    if (event === "ping") return { code: 200, text: "pong" };
    if (event !== "push")
      return { code: 400, text: `event ${JSON.stringify(event ?? "")} is not supported; send push events` };
    const payload = parse(body);
    const push = payload === undefined ? undefined : readPush(payload);
    if (push === undefined)
      return { code: 400, text: "the body is no push event: it needs ref and repository" };
    const refreshed = await this.#refresh(push);
    return { code: 200, text: `refreshed ${refreshed.length} applications` };
  }

  async #refresh(push: Push): Promise<ObjectKey[]> {
    const { manager } = this.#options;
    const informer = manager.informer(Application);
    await informer.synced;
    const stamp = manager.now().toISOString();
    const refreshed: ObjectKey[] = [];
    for (const app of informer.store.list()) {
      const isFrozen = app.metadata.annotations?.[ANNOTATION_SKIP_RECONCILE] === "true" && !isPulled(app);
      if (isFrozen || !(await this.#follows(app, push))) continue;
      const annotations = {
        [ANNOTATION_REFRESH]: app.metadata.annotations?.[ANNOTATION_REFRESH] ?? "normal",
        // At a site the request must be told from the next one; a local controller simply uses it up.
        ...(isPulled(app) ? { [ANNOTATION_REFRESH_TIMESTAMP]: stamp } : {}),
      };
      await manager.client.patch(Application, keyOf(app), {
        type: "merge",
        body: { metadata: { annotations } },
      });
      refreshed.push(keyOf(app));
    }
    return refreshed;
  }

  async #follows(app: Application, push: Push): Promise<boolean> {
    const sources = app.spec.sources ?? (app.spec.source === undefined ? [] : [app.spec.source]);
    for (const { repoURL, targetRevision } of sources) {
      if (!followsRef(targetRevision, push)) continue;
      const urls = [repoURL, await this.#effectiveUrl(repoURL)].map(comparableUrl);
      if (urls.some((url) => push.urls.includes(url))) return true;
    }
    return false;
  }

  async #effectiveUrl(url: string): Promise<string> {
    const known = this.#effectiveUrls.get(url);
    if (known !== undefined) return known;
    const effective = await this.#mirror.effectiveUrl(url).catch(() => url);
    this.#effectiveUrls.set(url, effective);
    return effective;
  }
}

interface Push {
  urls: string[];
  /** `refs/heads/main`. */
  ref: string;
  defaultBranch: string;
}

function readPush(payload: JsonObject): Push | undefined {
  const { ref, repository } = payload;
  if (typeof ref !== "string" || !isJsonObject(repository)) return undefined;
  const { html_url, clone_url, ssh_url, git_url, default_branch } = repository;
  const urls = [html_url, clone_url, ssh_url, git_url]
    .filter((url) => typeof url === "string")
    .map(comparableUrl);
  return { urls, ref, defaultBranch: typeof default_branch === "string" ? default_branch : "" };
}

/** Any tag may move what a version range means; a branch only those who name it, or HEAD if it is the default. */
function followsRef(targetRevision: string | undefined, { ref, defaultBranch }: Push): boolean {
  const branch = ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : undefined;
  const target = targetRevision === undefined || targetRevision === "" ? "HEAD" : targetRevision;
  if (branch === undefined)
    return target === ref || target === ref.replace(/^refs\/tags\//, "") || /[*^~<>]/.test(target);
  if (target === "HEAD") return branch === defaultBranch;
  return target === branch || target === ref;
}

/** Scheme, user and `.git` do not matter: a repository has several URLs. */
function comparableUrl(url: string): string {
  const scp = /^[\w.-]+@([^:/]+):(.+)$/.exec(url);
  const text = scp === null ? url : `ssh://${scp[1]}/${scp[2]}`;
  return normalizeRepositoryUrl(text)
    .replace(/^[a-z+]+:\/\//i, "")
    .toLowerCase();
}

function isSigned(
  body: Buffer,
  secret: string | undefined,
  signature: string | string[] | undefined,
): boolean {
  if (secret === undefined || secret === "") return true;
  const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const given = Buffer.from(typeof signature === "string" ? signature : "");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer): JsonObject | undefined {
  try {
    const payload: unknown = JSON.parse(body.toString("utf8"));
    return isJsonObject(payload) ? payload : undefined;
  } catch {
    return undefined;
  }
}
