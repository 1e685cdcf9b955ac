import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import {
  type KubernetesObject,
  type ObjectKey,
  type ObjectList,
  type ResourceType,
  apiVersionOf,
  formatKey,
  groupResource,
  isStatus,
  resourcePath,
  statusError,
} from "@ai-edge/apimachinery";
import { Discovery } from "./discovery.ts";
import { clientResponse, isSuccess, parseObject, readObject, readText, responseError } from "./response.ts";
import { type ConnectionOptions, Transport, type TransportRequest } from "./transport.ts";
import type {
  ApplyOptions,
  Client,
  ClientResponse,
  DeleteOptions,
  ListOptions,
  Patch,
  RequestOptions,
  WatchEvent,
  WatchOptions,
  Writable,
  WriteOptions,
} from "./types.ts";
import { decodeWatchStream } from "./watch-stream.ts";

/** client-go's page size: keeps one answer of big objects below a few MiB. */
const PAGE_SIZE = 500;
/** client-go retries a throttled request (429 with Retry-After) ten times; five are 50 s at most here. */
const MAX_THROTTLE_RETRIES = 5;
const MAX_THROTTLE_WAIT_SECONDS = 10;

const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

/** A client of one API server. It opens connections when first used; `close` releases them. */
export function createClient(options: ConnectionOptions): Client {
  return new HttpClient(new Transport(options));
}

class HttpClient implements Client {
  readonly server: string;
  readonly #transport: Transport;
  readonly #discovery: Discovery;

  constructor(transport: Transport) {
    this.server = transport.server;
    this.#transport = transport;
    this.#discovery = new Discovery(async (path) =>
      parseObject<object>(await readText(await this.#send({ method: "GET", path }, path)), path),
    );
  }

  async get<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: RequestOptions & { subresource?: string } = {},
  ): Promise<T> {
    const what = describe(type, key);
    const path = objectPath(type, key, options.subresource);
    return this.#object<T>({ method: "GET", path, signal: options.signal }, what);
  }

  async list<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    if (options.limit !== undefined) return this.#page(type, options);
    const items: T[] = [];
    let page = await this.#page(type, { ...options, limit: PAGE_SIZE });
    for (;;) {
      for (const item of page.items) items.push(item);
      const token = page.metadata.continue;
      if (token === undefined || token === "") return { ...page, items };
      try {
        const { resourceVersion: _, resourceVersionMatch: __, ...rest } = options;
        page = await this.#page(type, { ...rest, limit: PAGE_SIZE, continue: token });
      } catch (error) {
        // The snapshot behind the token was compacted: one unpaged read is consistent again (client-go's pager).
        if (isStatus(error, "Expired", "Gone")) return this.#page(type, options);
        throw error;
      }
    }
  }

  async create<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: NoInfer<Writable<T>>,
    options: WriteOptions = {},
  ): Promise<T> {
    const { name, namespace } = object.metadata;
    requireNamespace(type, { name, ...(namespace === undefined ? {} : { namespace }) });
    // A create of a subresource (token, eviction, binding) is addressed by name.
    const path = resourcePath(type, {
      namespace,
      ...(options.subresource === undefined ? {} : { name, subresource: options.subresource }),
    });
    return this.#write<T>("POST", path, type, object, options);
  }

  async update<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: NoInfer<Writable<T>>,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#write<T>(
      "PUT",
      objectPath(type, object.metadata, options.subresource),
      type,
      object,
      options,
    );
  }

  async patch<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#object<T>(
      {
        method: "PATCH",
        path: objectPath(type, key, options.subresource),
        query: writeQuery(options),
        headers: { "content-type": PATCH_TYPES[patch.type] },
        body: JSON.stringify(patch.body),
        signal: options.signal,
      },
      describe(type, key),
    );
  }

  async apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: NoInfer<Partial<T>> & { metadata: ObjectKey & object },
    options: ApplyOptions,
  ): Promise<T> {
    return this.#object<T>(
      {
        method: "PATCH",
        path: objectPath(type, object.metadata, options.subresource),
        query: { ...writeQuery(options), ...(options.force === true ? { force: "true" } : {}) },
        headers: { "content-type": "application/apply-patch+yaml" },
        body: JSON.stringify(typed(type, object)),
        signal: options.signal,
      },
      describe(type, object.metadata),
    );
  }

  async delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { signal, dryRun, ...rest } = options;
    const response = await this.#send(
      {
        method: "DELETE",
        path: objectPath(type, key),
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          apiVersion: "v1",
          kind: "DeleteOptions",
          ...rest,
          ...(dryRun === true ? { dryRun: ["All"] } : {}),
        }),
        signal,
      },
      describe(type, key),
    );
    await this.#guard(signal, () => readText(response));
  }

  async *watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal } = options;
    const what = `watch ${groupResource(type)}`;
    let response: IncomingMessage | undefined;
    try {
      response = await this.#send(
        {
          method: "GET",
          path: resourcePath(type, { namespace: options.namespace }),
          query: { ...query(options), watch: "true" },
          signal,
          stream: true,
        },
        what,
      );
      yield* decodeWatchStream<T>(response, what);
    } catch (error) {
      if (signal?.aborted === true) return;
      throw isConnectionError(error) ? this.#transport.unreachable(error) : error;
    } finally {
      // The consumer may stop half-way: the connection cannot be used again.
      response?.destroy();
    }
  }

  async request(
    method: string,
    path: string,
    options: RequestOptions & {
      query?: Record<string, string>;
      headers?: Record<string, string>;
      body?: string | Uint8Array;
    } = {},
  ): Promise<ClientResponse> {
    return clientResponse(await this.#send({ ...options, method, path, stream: true }, `${method} ${path}`));
  }

  resourceFor(apiVersion: string, kind: string): Promise<ResourceType> {
    return this.#discovery.resourceFor(apiVersion, kind);
  }

  close(): void {
    this.#transport.close();
  }

  async #page<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: ListOptions,
  ): Promise<ObjectList<T>> {
    const what = `list ${groupResource(type)}`;
    const path = resourcePath(type, { namespace: options.namespace });
    const request = { method: "GET", path, query: query(options), signal: options.signal };
    const response = await this.#send(request, what);
    const text = await this.#guard(options.signal, () => readText(response));
    const list = parseObject<ObjectList<T>>(text, what);
    if (!Array.isArray(list.items) && list.items !== null) {
      throw statusError("InternalError", `${what}: the API server's answer is not a list`);
    }
    // Items of typed lists carry neither apiVersion nor kind on the wire (kubernetes/kubernetes#80609).
    const items = (list.items ?? []).map((item: T) => typed(type, item));
    return { ...list, metadata: list.metadata ?? {}, items };
  }

  async #write<T extends KubernetesObject>(
    method: string,
    path: string,
    type: ResourceType<T>,
    object: Writable<T>,
    options: WriteOptions,
  ): Promise<T> {
    return this.#object<T>(
      {
        method,
        path,
        query: writeQuery(options),
        headers: { "content-type": "application/json" },
        body: JSON.stringify(typed(type, object)),
        signal: options.signal,
      },
      describe(type, object.metadata),
    );
  }

  async #object<T extends KubernetesObject>(request: TransportRequest, what: string): Promise<T> {
    const response = await this.#send(request, what);
    return this.#guard(request.signal, () => readObject<T>(response, what));
  }

  /** A 2xx answer, after waiting out throttling; throws StatusError for any other. */
  async #send(request: TransportRequest, what: string): Promise<IncomingMessage> {
    for (let attempt = 0; ; attempt += 1) {
      const response = await this.#transport.send(request);
      if (isSuccess(response)) return response;
      const error = await responseError(response, what);
      const wait = Number(response.headers["retry-after"]);
      if (error.code !== 429 || !(wait > 0) || attempt >= MAX_THROTTLE_RETRIES) throw error;
      await delay(Math.min(wait, MAX_THROTTLE_WAIT_SECONDS) * 1000, undefined, { signal: request.signal });
    }
  }

  /** Turns a connection that breaks inside a body into the same error as one that never opened. */
  async #guard<R>(signal: AbortSignal | undefined, read: () => Promise<R>): Promise<R> {
    try {
      return await read();
    } catch (error) {
      signal?.throwIfAborted();
      throw isConnectionError(error) ? this.#transport.unreachable(error) : error;
    }
  }
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

function objectPath(type: ResourceType, key: ObjectKey, subresource?: string): string {
  if (key.name === undefined || key.name === "") {
    throw statusError("BadRequest", `${groupResource(type)}: metadata.name is required`);
  }
  requireNamespace(type, key);
  return resourcePath(type, { namespace: key.namespace, name: key.name, subresource });
}

function requireNamespace(type: ResourceType, key: ObjectKey): void {
  if (type.namespaced && (key.namespace === undefined || key.namespace === "")) {
    throw statusError("BadRequest", `${groupResource(type)} "${key.name}": metadata.namespace is required`);
  }
}

function typed<O extends object>(type: ResourceType, object: O): O & { apiVersion: string; kind: string } {
  return { apiVersion: apiVersionOf(type), kind: type.kind, ...object };
}

function describe(type: ResourceType, key: ObjectKey): string {
  return `${groupResource(type)} "${formatKey(key)}"`;
}

function writeQuery(options: WriteOptions): Record<string, string> {
  return {
    ...(options.fieldManager === undefined ? {} : { fieldManager: options.fieldManager }),
    ...(options.dryRun === true ? { dryRun: "All" } : {}),
    ...(options.fieldValidation === undefined ? {} : { fieldValidation: options.fieldValidation }),
  };
}

function query(options: ListOptions | WatchOptions): Record<string, string> {
  const { signal: _, namespace: __, ...parameters } = options;
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}
