import type { IncomingMessage, ServerResponse } from "node:http";
import type { ForgeUser, ForgeVerb } from "./authentication.ts";
import type { Forge } from "./forge.ts";
import { GitError, runGit } from "./git.ts";
import { ForgeHttpError, readJson, requiredField, sendJson, textField } from "./http.ts";
import { PullApi } from "./pull-api.ts";
import { repositoryResource, userResource } from "./pull-resource.ts";
import { fullName, isBranchName, isRepositoryName } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";

export interface RestApiOptions {
  forge: Forge;
  baseUrl: string;
  now: () => Date;
  /** @throws ForgeHttpError 404 or 403 when the user may not do this */
  require: (user: ForgeUser, verb: ForgeVerb, repository: RepositoryName) => Promise<void>;
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  user: ForgeUser;
}

/** GitHub keeps its REST API of an own host below /api/v3, Gitea below /api/v1; the paths after it are the same. */
const API_PREFIX = /^\/api\/v[13](?=\/)/;

/** GitHub's REST API, the part that pipelines use: repositories, pull requests, branches, file contents. */
export class RestApi {
  readonly #options: RestApiOptions;
  readonly #pulls: PullApi;

  constructor(options: RestApiOptions) {
    this.#options = options;
    this.#pulls = new PullApi(options);
  }

  get pulls(): PullApi {
    return this.#pulls;
  }

  /** Answers a request, or returns false if its path is none of the API's. */
  async handle(call: Call): Promise<boolean> {
    const path = call.url.pathname.replace(API_PREFIX, "");
    const method = call.request.method ?? "GET";
    if (path === "/user" && method === "GET") {
      sendJson(call.response, 200, userResource(call.user.login, this.#options.baseUrl));
      return true;
    }
    const organisation = /^\/orgs\/([^/]+)\/repos$/.exec(path)?.[1];
    if (method === "POST" && (path === "/user/repos" || organisation !== undefined)) {
      await this.#createRepository(call, organisation === undefined ? call.user.login : decode(organisation));
      return true;
    }
    const match = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path);
    if (match === null) return false;
    const repository = { owner: decode(match[1] ?? ""), name: decode(match[2] ?? "") };
    await this.#repository(call, method, repository, match[3] ?? "");
    return true;
  }

  async #createRepository({ request, response, user }: Call, owner: string): Promise<void> {
    const { forge, baseUrl, now } = this.#options;
    const body = await readJson(request);
    const repository = { owner, name: requiredField(body, "Repository", "name") };
    const branch = textField(body, "Repository", "default_branch") ?? "main";
    if (!isRepositoryName(repository) || !isBranchName(branch)) {
      throw new ForgeHttpError(422, "Repository creation failed.", [
        { resource: "Repository", field: "name", code: "invalid" },
      ]);
    }
    await this.#options.require(user, "create", repository);
    if (!(await forge.repositories.create(repository, branch))) {
      const error = {
        resource: "Repository",
        field: "name",
        code: "custom",
        message: "name already exists on this account",
      } as const;
      throw new ForgeHttpError(422, "Repository creation failed.", [error]);
    }
    if (body["auto_init"] === true) {
      const author = { name: user.login, email: `${user.login}@users.noreply.localhost` };
      await forge.commitFiles(repository, branch, {
        files: { "README.md": `# ${repository.name}\n` },
        message: "Initial commit",
        author,
        date: now(),
      });
    }
    sendJson(response, 201, repositoryResource(repository, branch, baseUrl));
  }

  async #repository(call: Call, method: string, repository: RepositoryName, rest: string): Promise<void> {
    const { forge, baseUrl, require } = this.#options;
    if (!(await forge.repositories.has(repository))) throw new ForgeHttpError(404, "Not Found");
    await require(call.user, method === "GET" ? "read" : "write", repository);
    if (rest === "" && method === "GET") {
      sendJson(
        call.response,
        200,
        repositoryResource(repository, await forge.repositories.defaultBranch(repository), baseUrl),
      );
      return;
    }
    const pull = /^\/pulls(?:\/(\d{1,9})(?:\/(merge|files))?)?$/.exec(rest);
    if (pull !== null) return this.#pull(call, method, repository, pull[1], pull[2]);
    const reference = /^\/git\/refs?\/heads\/(.+)$/.exec(rest)?.[1];
    if (reference !== undefined) return this.#branch(call, method, repository, decode(reference));
    const path = /^\/contents\/(.+)$/.exec(rest)?.[1];
    if (path !== undefined && method === "GET") return this.#contents(call, repository, decode(path));
    throw new ForgeHttpError(404, "Not Found");
  }

  async #pull(
    call: Call,
    method: string,
    repository: RepositoryName,
    number: string | undefined,
    part: string | undefined,
  ): Promise<void> {
    const { request, response, url, user } = call;
    const key = `${method}${number === undefined ? "" : " N"}${part === undefined ? "" : ` ${part}`}`;
    const index = Number(number);
    if (key === "GET") sendJson(response, 200, await this.#pulls.list(repository, url.searchParams));
    else if (key === "POST")
      sendJson(response, 201, await this.#pulls.open(repository, user, await readJson(request)));
    else if (key === "GET N") sendJson(response, 200, await this.#pulls.get(repository, index));
    else if (key === "PATCH N")
      sendJson(response, 200, await this.#pulls.edit(repository, index, await readJson(request)));
    else if (key === "GET N files") sendJson(response, 200, await this.#pulls.files(repository, index));
    // GitHub's method is PUT, Gitea's POST.
    else if (key === "PUT N merge" || key === "POST N merge") {
      sendJson(response, 200, await this.#pulls.merge(repository, index, user, await readJson(request)));
    } else throw new ForgeHttpError(404, "Not Found");
  }

  async #branch(call: Call, method: string, repository: RepositoryName, branch: string): Promise<void> {
    const { forge, baseUrl } = this.#options;
    const commit = await forge.repositories.branch(repository, branch);
    if (commit === undefined)
      throw new ForgeHttpError(
        method === "DELETE" ? 422 : 404,
        method === "DELETE" ? "Reference does not exist" : "Not Found",
      );
    if (method === "GET") {
      const url = `${baseUrl}/repos/${fullName(repository)}/git/refs/heads/${branch}`;
      sendJson(call.response, 200, {
        ref: `refs/heads/${branch}`,
        url,
        object: { type: "commit", sha: commit },
      });
      return;
    }
    if (method !== "DELETE") throw new ForgeHttpError(404, "Not Found");
    if (branch === (await forge.repositories.defaultBranch(repository)))
      throw new ForgeHttpError(422, "Cannot delete the default branch");
    await forge.lock.run(fullName(repository), () =>
      runGit(forge.repositories.path(repository), ["update-ref", "-d", `refs/heads/${branch}`, commit]),
    );
    await forge.announce(repository, call.user.login);
    call.response.writeHead(204).end();
  }

  async #contents(call: Call, repository: RepositoryName, path: string): Promise<void> {
    const { forge } = this.#options;
    const store = forge.repositories;
    const ref = call.url.searchParams.get("ref") ?? (await store.defaultBranch(repository));
    const commit =
      (await store.branch(repository, ref)) ??
      (/^[0-9a-f]{40}$/.test(ref) ? await store.commit(repository, ref) : undefined);
    if (commit === undefined || path.includes("\0")) throw new ForgeHttpError(404, "Not Found");
    try {
      const spec = `${commit}:${path}`;
      const content = await runGit(store.path(repository), ["cat-file", "blob", spec]);
      const sha = (await runGit(store.path(repository), ["rev-parse", spec])).toString("utf8").trim();
      sendJson(call.response, 200, {
        type: "file",
        path,
        sha,
        size: content.length,
        encoding: "base64",
        content: content.toString("base64"),
      });
    } catch (error) {
      if (error instanceof GitError) throw new ForgeHttpError(404, "Not Found");
      throw error;
    }
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ForgeHttpError(404, "Not Found");
  }
}
