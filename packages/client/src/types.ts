import type { KubernetesObject, ObjectKey, ObjectList, ResourceType } from "@ai-edge/apimachinery";

export interface RequestOptions {
  signal?: AbortSignal | undefined;
}

export interface ListOptions extends RequestOptions {
  /** Absent: all namespaces. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  resourceVersion?: string | undefined;
  resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
  limit?: number | undefined;
  continue?: string | undefined;
}

export interface WriteOptions extends RequestOptions {
  fieldManager?: string | undefined;
  dryRun?: boolean | undefined;
  fieldValidation?: "Strict" | "Warn" | "Ignore" | undefined;
  /** `status`, `scale`, `approval`, … */
  subresource?: string | undefined;
}

export interface ApplyOptions extends WriteOptions {
  fieldManager: string;
  /** Take fields that other managers own, instead of failing with Conflict. */
  force?: boolean | undefined;
}

export interface DeleteOptions extends RequestOptions {
  propagationPolicy?: "Background" | "Foreground" | "Orphan" | undefined;
  gracePeriodSeconds?: number | undefined;
  preconditions?: { uid?: string; resourceVersion?: string } | undefined;
  dryRun?: boolean | undefined;
}

export type Patch =
  | { type: "merge"; body: unknown }
  | { type: "json"; body: readonly JsonPatchOperation[] }
  | { type: "strategic"; body: unknown };

export interface JsonPatchOperation {
  op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  path: string;
  from?: string;
  value?: unknown;
}

export interface WatchOptions extends RequestOptions {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  resourceVersion?: string | undefined;
  resourceVersionMatch?: "NotOlderThan" | undefined;
  allowWatchBookmarks?: boolean | undefined;
  sendInitialEvents?: boolean | undefined;
  timeoutSeconds?: number | undefined;
}

export type WatchEvent<T extends KubernetesObject = KubernetesObject> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | { type: "BOOKMARK"; object: KubernetesObject };

/** What controllers use of a Kubernetes API. Every method throws `StatusError` for a non-2xx answer. */
export interface Client {
  /** The API server's base URL. */
  readonly server: string;
  get<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options?: RequestOptions & { subresource?: string },
  ): Promise<T>;
  /** One page if `limit` is given, otherwise the whole list. */
  list<T extends KubernetesObject>(type: ResourceType<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /** `object.metadata.namespace` says where; apiVersion and kind are filled in from `type` when absent. */
  create<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: NoInfer<Writable<T>>,
    options?: WriteOptions,
  ): Promise<T>;
  update<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: NoInfer<Writable<T>>,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>;
  /** Server-side apply. */
  apply<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: NoInfer<Partial<T>> & { metadata: ObjectKey & object },
    options: ApplyOptions,
  ): Promise<T>;
  delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Events until the server closes the stream or `signal` aborts; throws `StatusError` `Expired`/`Gone` when `resourceVersion` is too old. */
  watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
  /** Any other request; throws on non-2xx too. The body is returned unread. */
  request(
    method: string,
    path: string,
    options?: RequestOptions & {
      query?: Record<string, string>;
      headers?: Record<string, string>;
      body?: string | Uint8Array;
    },
  ): Promise<ClientResponse>;
  /** Finds the resource of a kind by discovery (cached; rediscovers once on a miss). Throws NotFound for an unknown kind. */
  resourceFor(apiVersion: string, kind: string): Promise<ResourceType>;
  /** Closes idle connections. */
  close(): void;
}

/** An object to write: apiVersion and kind may be left out, because the resource type knows them. */
export type Writable<T extends KubernetesObject> = Omit<T, "apiVersion" | "kind"> & {
  apiVersion?: string;
  kind?: string;
};

export interface ClientResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
}
