import {
  algorithmOf,
  type Descriptor,
  type Digest,
  digestOf,
  type FetchedManifest,
  isDigest,
  isTag,
  ManifestError,
  MAX_MANIFEST_SIZE,
  MEDIA_TYPE_INDEX,
  parseManifest,
  single,
} from "@ai-edge/oci";
import { answer, answerJson, type Exchange, page, readBody, wantDigest } from "./exchange.ts";
import { Refusal } from "./refusal.ts";
import type { RegistryStore } from "./store.ts";

/** The manifest, tag and referrer endpoints of distribution-spec. */
export class ManifestHandlers {
  readonly #store: RegistryStore;

  constructor(store: RegistryStore) {
    this.#store = store;
  }

  /** GET and HEAD by tag or digest. */
  async read(exchange: Exchange): Promise<void> {
    const { repository, reference, request, response } = exchange;
    const digest = isDigest(reference)
      ? reference
      : isTag(reference)
        ? await this.#store.tag(repository, reference)
        : undefined;
    const mediaType = digest === undefined ? undefined : await this.#store.manifestType(repository, digest);
    if (digest === undefined || mediaType === undefined) throw unknownManifest(repository, reference);
    const bytes = await this.#store.blobs.readAll(digest, MAX_MANIFEST_SIZE);
    response.writeHead(200, {
      "content-type": mediaType,
      "docker-content-digest": digest,
      etag: `"${digest}"`,
      "content-length": String(bytes.length),
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  async put(exchange: Exchange): Promise<void> {
    const { repository, reference, request } = exchange;
    if (!isDigest(reference) && !isTag(reference)) {
      throw new Refusal(
        400,
        reference.includes(":") ? "DIGEST_INVALID" : "MANIFEST_INVALID",
        "the reference is neither a tag nor a digest",
      );
    }
    const bytes = await readBody(request, MAX_MANIFEST_SIZE);
    const fetched = parse(
      bytes,
      request.headers["content-type"],
      isDigest(reference) ? algorithmOf(reference) : "sha256",
    );
    const { digest, mediaType } = fetched.descriptor;
    if (isDigest(reference) && reference !== digest)
      throw new Refusal(400, "DIGEST_INVALID", `the content has the digest ${digest}`);
    await this.#checkReferences(repository, fetched);
    if ((await this.#store.blobs.size(digest)) === undefined)
      await this.#store.blobs.write(single(bytes), fetched.descriptor);
    await this.#store.linkManifest(repository, digest, mediaType);
    const subject = subjectOf(fetched);
    if (subject !== undefined) await this.#store.linkReferrer(repository, subject.digest, digest);
    if (isTag(reference)) await this.#store.setTag(repository, reference, digest);
    const headers = { location: `/v2/${repository}/manifests/${digest}`, "docker-content-digest": digest };
    answer(exchange, 201, subject === undefined ? headers : { ...headers, "oci-subject": subject.digest });
  }

  async #checkReferences(repository: string, fetched: FetchedManifest): Promise<void> {
    const missing = (digest: Digest): Refusal =>
      new Refusal(
        404,
        "MANIFEST_BLOB_UNKNOWN",
        `${repository} has no ${digest}, which the manifest refers to: push it first`,
      );
    if (fetched.content.kind === "index") {
      for (const { digest } of fetched.content.index.manifests) {
        if ((await this.#store.manifestType(repository, digest)) === undefined) throw missing(digest);
      }
      return;
    }
    const { config, layers } = fetched.content.manifest;
    for (const descriptor of [config, ...layers]) {
      // Layers that may not be distributed stay where their urls say.
      if (/nondistributable|\.foreign\./.test(descriptor.mediaType)) continue;
      const size = await this.#store.blobSize(repository, descriptor.digest);
      if (size === undefined) throw missing(descriptor.digest);
      if (size !== descriptor.size)
        throw new Refusal(
          400,
          "SIZE_INVALID",
          `${descriptor.digest} has ${size} bytes, not ${descriptor.size}`,
        );
    }
  }

  /** By digest the manifest with its tags goes, by tag only the tag. */
  async delete(exchange: Exchange): Promise<void> {
    const { repository, reference } = exchange;
    if (!isDigest(reference)) {
      if (!isTag(reference) || !(await this.#store.untag(repository, reference)))
        throw unknownManifest(repository, reference);
      return answer(exchange, 202, {});
    }
    const mediaType = await this.#store.manifestType(repository, reference);
    if (mediaType === undefined) throw unknownManifest(repository, reference);
    const bytes = await this.#store.blobs.readAll(reference, MAX_MANIFEST_SIZE);
    const subject = subjectOf(parse(bytes, mediaType, algorithmOf(reference)));
    await this.#store.unlinkManifest(repository, reference);
    if (subject !== undefined) await this.#store.unlinkReferrer(repository, subject.digest, reference);
    answer(exchange, 202, {});
  }

  async tags(exchange: Exchange): Promise<void> {
    const { repository } = exchange;
    if (!(await this.#store.hasRepository(repository)))
      throw new Refusal(404, "NAME_UNKNOWN", `there is no repository ${repository}`);
    const { names, headers } = page(exchange, await this.#store.tags(repository));
    answerJson(exchange, 200, { name: repository, tags: names }, headers);
  }

  /** All manifests whose subject is this digest; an empty index if there are none. */
  async referrers(exchange: Exchange): Promise<void> {
    const { repository, url } = exchange;
    const subject = wantDigest(exchange.reference, "referrers");
    const wanted = url.searchParams.get("artifactType");
    const manifests: Descriptor[] = [];
    for (const digest of await this.#store.referrers(repository, subject)) {
      const mediaType = await this.#store.manifestType(repository, digest);
      if (mediaType === undefined) continue;
      const entry = describe(
        parse(await this.#store.blobs.readAll(digest, MAX_MANIFEST_SIZE), mediaType, algorithmOf(digest)),
      );
      if (wanted === null || entry.artifactType === wanted) manifests.push(entry);
    }
    const filters: Record<string, string> = wanted === null ? {} : { "oci-filters-applied": "artifactType" };
    answerJson(
      exchange,
      200,
      { schemaVersion: 2, mediaType: MEDIA_TYPE_INDEX, manifests },
      { "content-type": MEDIA_TYPE_INDEX, ...filters },
    );
  }
}

function parse(
  bytes: Uint8Array,
  mediaType: string | undefined,
  algorithm: "sha256" | "sha512",
): FetchedManifest {
  try {
    const fetched = parseManifest(bytes, mediaType, algorithm);
    return { ...fetched, descriptor: { ...fetched.descriptor, digest: digestOf(bytes, algorithm) } };
  } catch (error) {
    if (error instanceof ManifestError) throw new Refusal(400, "MANIFEST_INVALID", error.message);
    throw error;
  }
}

function subjectOf(fetched: FetchedManifest): Descriptor | undefined {
  return fetched.content.kind === "index" ? fetched.content.index.subject : fetched.content.manifest.subject;
}

/** A referrer's entry: artifact type (or the config's media type) and annotations come along. */
function describe(fetched: FetchedManifest): Descriptor {
  const { content, descriptor } = fetched;
  const { artifactType, annotations } = content.kind === "index" ? content.index : content.manifest;
  const type = artifactType ?? (content.kind === "image" ? content.manifest.config.mediaType : undefined);
  return {
    ...descriptor,
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function unknownManifest(repository: string, reference: string): Refusal {
  return new Refusal(404, "MANIFEST_UNKNOWN", `${repository} has no manifest ${reference.slice(0, 160)}`);
}
