import { pipeline } from "node:stream/promises";
import { isDigest, isRepositoryName } from "@ai-edge/oci";
import { answer, type Exchange, wantDigest } from "./exchange.ts";
import { Refusal } from "./refusal.ts";
import type { RegistryStore } from "./store.ts";
import { formatRange, type Uploads } from "./uploads.ts";

/** Says whether the caller of this request may pull from another repository (cross-repository mounts). */
export type MayPull = (exchange: Exchange, repository: string) => Promise<boolean>;

/** The blob and upload endpoints of distribution-spec. */
export class BlobHandlers {
  readonly #store: RegistryStore;
  readonly #uploads: Uploads;
  readonly #mayPull: MayPull;

  constructor(store: RegistryStore, uploads: Uploads, mayPull: MayPull) {
    this.#store = store;
    this.#uploads = uploads;
    this.#mayPull = mayPull;
  }

  /** GET and HEAD of a blob, with Range. */
  async read(exchange: Exchange): Promise<void> {
    const { repository, request, response } = exchange;
    const digest = wantDigest(exchange.reference, "blob");
    const size = await this.#store.blobSize(repository, digest);
    if (size === undefined) throw new Refusal(404, "BLOB_UNKNOWN", `blob ${digest} is not in ${repository}`);
    const common = {
      "content-type": "application/octet-stream",
      "docker-content-digest": digest,
      "accept-ranges": "bytes",
      etag: `"${digest}"`,
    };
    const range = request.method === "GET" ? parseRange(request.headers.range, size) : undefined;
    if (request.method === "HEAD")
      return answer(exchange, 200, { ...common, "content-length": String(size) });
    const start = range?.start ?? 0;
    const end = range?.end ?? size - 1;
    const partial: Record<string, string> =
      range === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` };
    response.writeHead(range === undefined ? 200 : 206, {
      ...common,
      ...partial,
      "content-length": String(end - start + 1),
    });
    if (size === 0) {
      response.end();
      return;
    }
    await pipeline(this.#store.blobs.read(digest, { start, end }), response);
  }

  async delete(exchange: Exchange): Promise<void> {
    const digest = wantDigest(exchange.reference, "blob");
    const removed = await this.#store.unlinkBlob(exchange.repository, digest);
    if (!removed) throw new Refusal(404, "BLOB_UNKNOWN", `blob ${digest} is not in ${exchange.repository}`);
    answer(exchange, 202, {});
  }

  /** POST: mounts, takes the whole blob, or opens a session. */
  async start(exchange: Exchange): Promise<void> {
    const { repository, request, url } = exchange;
    const mount = url.searchParams.get("mount");
    if (mount !== null && (await this.#mount(exchange, mount))) return;
    const digestText = url.searchParams.get("digest");
    const digest = digestText === null ? undefined : wantDigest(digestText, "digest");
    const id = await this.#uploads.start(repository);
    if (digest === undefined) {
      request.resume();
      return answer(exchange, 202, {
        location: this.#location(repository, id),
        "docker-upload-uuid": id,
        range: "0-0",
      });
    }
    await this.#uploads.append(repository, id, request, undefined);
    await this.#complete(exchange, id, digest);
  }

  async #mount(exchange: Exchange, mount: string): Promise<boolean> {
    const { repository, url } = exchange;
    if (!isDigest(mount)) throw new Refusal(400, "DIGEST_INVALID", "mount: not a digest");
    const from = url.searchParams.get("from");
    // Without `from` only what the repository itself has counts: content must not leak by guessing digests.
    const source = from ?? repository;
    if (!isRepositoryName(source)) throw new Refusal(400, "NAME_INVALID", "from: not a repository name");
    if (source !== repository && !(await this.#mayPull(exchange, source))) return false;
    if ((await this.#store.blobSize(source, mount)) === undefined) return false;
    await this.#store.linkBlob(repository, mount);
    answer(exchange, 201, { location: `/v2/${repository}/blobs/${mount}`, "docker-content-digest": mount });
    return true;
  }

  async patch(exchange: Exchange): Promise<void> {
    const { repository, reference, request } = exchange;
    const start = parseContentRange(request.headers["content-range"]);
    const offset = await this.#uploads.append(repository, reference, request, start);
    answer(exchange, 202, {
      location: this.#location(repository, reference),
      "docker-upload-uuid": reference,
      range: formatRange(offset),
    });
  }

  async status(exchange: Exchange): Promise<void> {
    const { repository, reference } = exchange;
    const offset = await this.#uploads.offset(repository, reference);
    answer(exchange, 204, {
      location: this.#location(repository, reference),
      "docker-upload-uuid": reference,
      range: formatRange(offset),
    });
  }

  async finish(exchange: Exchange): Promise<void> {
    const { repository, reference, request, url } = exchange;
    const digest = wantDigest(url.searchParams.get("digest"), "digest");
    await this.#uploads.append(
      repository,
      reference,
      request,
      parseContentRange(request.headers["content-range"]),
    );
    await this.#complete(exchange, reference, digest);
  }

  async cancel(exchange: Exchange): Promise<void> {
    await this.#uploads.cancel(exchange.repository, exchange.reference);
    answer(exchange, 204, {});
  }

  async #complete(exchange: Exchange, id: string, digest: ReturnType<typeof wantDigest>): Promise<void> {
    const { repository } = exchange;
    await this.#uploads.finish(repository, id, digest);
    await this.#store.linkBlob(repository, digest);
    answer(exchange, 201, { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest });
  }

  #location(repository: string, id: string): string {
    return `/v2/${repository}/blobs/uploads/${id}`;
  }
}

/** One byte range (RFC 9110 section 14); several are answered with the whole, as the RFC allows. */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const unsatisfiable = new Refusal(416, "RANGE_INVALID", `the blob has ${size} bytes`, {
    "content-range": `bytes */${size}`,
  });
  if (match[1] === "") {
    const count = Math.min(Number(match[2]), size);
    if (count === 0) throw unsatisfiable;
    return { start: size - count, end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < start) throw unsatisfiable;
  if (start >= size) throw unsatisfiable;
  return { start, end };
}

function parseContentRange(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(header);
  if (match === null) throw new Refusal(416, "RANGE_INVALID", "Content-Range: want <start>-<end>");
  return Number(match[1]);
}
