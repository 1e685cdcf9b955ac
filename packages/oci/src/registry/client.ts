import { type Digest, isDigest, algorithmOf, verifyStream } from "../digest.ts";
import {
  type Descriptor,
  type FetchedManifest,
  ManifestError,
  MAX_MANIFEST_SIZE,
  parseManifest,
} from "../image/manifest.ts";
import { MANIFEST_MEDIA_TYPES } from "../image/media-type.ts";
import type { ImageRepository } from "../image/repository.ts";
import { registryError, RegistryError } from "./error.ts";
import { type RegistryClientOptions, type RegistryRequest, RegistrySession } from "./session.ts";
import { bytesOf, type HttpAnswer, readBytes, readText } from "./transport.ts";
import { uploadBlob } from "./upload.ts";

/** A registry. `repository(name)` gives images; close it to let connections go. */
export interface RegistryClient {
  readonly host: string;
  /** Throws unless the registry answers and takes the credentials. */
  ping(signal?: AbortSignal): Promise<void>;
  repository(name: string): RegistryRepository;
  close(): void;
}

/** Tags of one page and pages of one list; a list without end is cut with an error. */
const MAX_TAG_PAGES = 1000;

/** A client for the registry of a host. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const session = new RegistrySession(options);
  return {
    host: options.host,
    ping: async (signal) => {
      const answer = await session.request({ method: "GET", path: "/v2/", scope: "", signal });
      if (answer.status !== 200) throw await registryError(`registry ${options.host}`, answer);
      answer.body.resume();
    },
    repository: (name) => new RegistryRepository(session, name),
    close: () => session.close(),
  };
}

/** One repository of a registry. */
export class RegistryRepository implements ImageRepository {
  readonly name: string;
  readonly repository: string;
  readonly #session: RegistrySession;

  constructor(session: RegistrySession, repository: string) {
    this.#session = session;
    this.repository = repository;
    this.name = `${session.host}/${repository}`;
  }

  /** The descriptor of a tag or digest without its manifest, or undefined if there is none. */
  async resolve(reference: string, signal?: AbortSignal): Promise<Descriptor | undefined> {
    try {
      return (await this.manifest(reference, signal)).descriptor;
    } catch (error) {
      if (error instanceof RegistryError && error.status === 404) return undefined;
      throw error;
    }
  }

  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const what = `manifest of ${this.#spell(reference)}`;
    const headers = { accept: MANIFEST_MEDIA_TYPES.join(", ") };
    const answer = await this.#request("GET", `manifests/${reference}`, { headers, signal });
    if (answer.status !== 200) throw await registryError(what, answer);
    const bytes = await readBytes(answer.body, MAX_MANIFEST_SIZE);
    const algorithm = isDigest(reference) ? algorithmOf(reference) : "sha256";
    const fetched = parseManifest(bytes, answer.headers["content-type"], algorithm);
    if (isDigest(reference) && fetched.descriptor.digest !== reference) {
      throw new ManifestError(
        `${what}: the registry sent content with the digest ${fetched.descriptor.digest}: refused`,
      );
    }
    return fetched;
  }

  async putManifest(manifest: FetchedManifest, tag: string | undefined, signal?: AbortSignal): Promise<void> {
    const reference = tag ?? manifest.descriptor.digest;
    const headers = {
      "content-type": manifest.descriptor.mediaType,
      "content-length": String(manifest.bytes.length),
    };
    const answer = await this.#request(
      "PUT",
      `manifests/${reference}`,
      { headers, body: () => manifest.bytes, signal },
      "pull,push",
    );
    if (answer.status !== 201) throw await registryError(`push of ${this.#spell(reference)}`, answer);
    answer.body.resume();
  }

  async deleteManifest(digest: Digest, signal?: AbortSignal): Promise<void> {
    const answer = await this.#request("DELETE", `manifests/${digest}`, { signal }, "pull,push,delete");
    if (answer.status !== 202 && answer.status !== 404)
      throw await registryError(`delete of ${this.#spell(digest)}`, answer);
    answer.body.resume();
  }

  async hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#request("HEAD", `blobs/${digest}`, { signal });
    answer.body.resume();
    if (answer.status === 200) return true;
    if (answer.status === 404) return false;
    throw await registryError(`blob ${digest} of ${this.name}`, answer);
  }

  blob(descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return verifyStream(
      this.blobFrom(descriptor, 0, signal),
      descriptor,
      `blob ${descriptor.digest} of ${this.name}`,
    );
  }

  /** Bytes of a blob from an offset, NOT verified: for callers that hash the whole themselves (a resumed download). */
  async *blobFrom(
    descriptor: Descriptor,
    offset: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const answer = await this.#request("GET", `blobs/${descriptor.digest}`, { headers, signal });
    if (answer.status !== 200 && answer.status !== 206)
      throw await registryError(`blob ${descriptor.digest} of ${this.name}`, answer);
    // A server that ignores Range sends everything again.
    let skip = answer.status === 206 ? 0 : offset;
    for await (const chunk of bytesOf(answer)) {
      if (skip >= chunk.length) skip -= chunk.length;
      else {
        yield skip === 0 ? chunk : chunk.subarray(skip);
        skip = 0;
      }
    }
  }

  async putBlob(
    descriptor: Descriptor,
    open: (offset: number) => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<void> {
    await uploadBlob(this.#session, this.repository, descriptor, open, signal);
  }

  async mountBlob(digest: Digest, from: ImageRepository, signal?: AbortSignal): Promise<boolean> {
    if (!(from instanceof RegistryRepository) || from.#session.host !== this.#session.host) return false;
    const scope = `repository:${this.repository}:pull,push repository:${from.repository}:pull`;
    const query = new URLSearchParams({ mount: digest, from: from.repository });
    const answer = await this.#session.request({
      method: "POST",
      path: `/v2/${this.repository}/blobs/uploads/?${query.toString()}`,
      scope,
      signal,
    });
    answer.body.resume();
    return answer.status === 201;
  }

  /** All tags, in the registry's order. */
  async tags(signal?: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    let path: string | undefined = `/v2/${this.repository}/tags/list?n=1000`;
    for (let page = 0; path !== undefined; page += 1) {
      if (page === MAX_TAG_PAGES) throw new Error(`${this.name}: more than ${MAX_TAG_PAGES} pages of tags`);
      const answer: HttpAnswer = await this.#session.request({
        method: "GET",
        path,
        scope: this.#scope("pull"),
        signal,
      });
      if (answer.status !== 200) throw await registryError(`tags of ${this.name}`, answer);
      const value: unknown = JSON.parse(await readText(answer.body, MAX_MANIFEST_SIZE));
      const listed: unknown =
        typeof value === "object" && value !== null ? Reflect.get(value, "tags") : undefined;
      if (Array.isArray(listed)) tags.push(...listed.filter((tag): tag is string => typeof tag === "string"));
      const link = answer.headers["link"];
      path = /<([^>]+)>;\s*rel="?next"?/.exec(Array.isArray(link) ? link.join(",") : (link ?? ""))?.[1];
    }
    return tags;
  }

  async #request(
    method: string,
    path: string,
    rest: Pick<RegistryRequest, "headers" | "body" | "signal">,
    actions = "pull",
  ): Promise<HttpAnswer> {
    return await this.#session.request({
      method,
      path: `/v2/${this.repository}/${path}`,
      scope: this.#scope(actions),
      ...rest,
    });
  }

  #scope(actions: string): string {
    return `repository:${this.repository}:${actions}`;
  }

  #spell(reference: string): string {
    return isDigest(reference) ? `${this.name}@${reference}` : `${this.name}:${reference}`;
  }
}
