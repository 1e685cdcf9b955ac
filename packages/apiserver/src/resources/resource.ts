import type {
  FieldSchema,
  KubernetesObject,
  ResourceType,
  StatusCause,
  UnstructuredObject,
} from "@ai-edge/apimachinery";
import type { UserInfo } from "@ai-edge/api";
import type { Transaction } from "../storage/store.ts";

export type Verb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

export const ALL_VERBS: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** 0 is shown always, more only with `-o wide`. */
  readonly priority?: number;
  /** @returns the cell as printed */
  cell(object: UnstructuredObject, now: Date): unknown;
}

/** What a hook may know about the request that it runs in. */
export interface HookContext {
  readonly user: UserInfo;
  readonly now: Date;
  readonly transaction: Transaction;
}

/** What is special about a kind. Objects are private copies whose field types were checked: hooks may modify them. */
export interface Strategy<T extends KubernetesObject = KubernetesObject> {
  /** Fills in what the user may leave out. Runs on every write, before validation. */
  applyDefaults?(object: T): void;
  /** Sets what only the server decides. */
  prepareForCreate?(object: T, context: HookContext): void;
  /** Puts back what must not change. */
  prepareForUpdate?(object: T, old: T, context: HookContext): void;
  /** What is accepted but has no effect; for Warning headers. Runs before everything else: only fields were conformed. */
  warnings?(object: T): string[];
  /** What is wrong; empty when valid. */
  validate?(object: T, old: T | undefined): StatusCause[];
  /** The kind's own rule for names; default: DNS subdomain. @returns messages */
  validateName?(name: string): string[];
  /** Refuses the deletion of a protected object by throwing. */
  checkDelete?(object: T): void;
  /** Runs in the write's transaction, after the object was stored. */
  afterCreate?(object: T, context: HookContext): void;
  afterDelete?(object: T, context: HookContext): void;
}

/** Where an object keeps its replicas, for the scale subresource. Paths are fields from the root. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** A LabelSelector, or its string form. */
  readonly selector?: readonly string[];
}

/** One served resource at one version. */
export interface Resource {
  readonly type: ResourceType;
  readonly listKind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  /** The group resource under which objects are stored; two groups may share one (events). */
  readonly storage: string;
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts changes of anything but metadata and status. */
  readonly tracksGeneration: boolean;
  /** Whether a DELETE answers with the object (Pods, Namespaces, …) instead of a Status. */
  readonly returnsDeleted: boolean;
  readonly scale?: ScalePaths;
  /** Further subresources, for discovery: `log`, `token`, … with their kind and verbs. */
  readonly subresources: readonly Subresource[];
  /** Fields beside metadata.name and metadata.namespace by which lists can be filtered, and where they are stored. */
  /** How patches and apply merge its lists and maps. */
  readonly mergeRules: FieldSchema | undefined;
  readonly selectable: Readonly<Record<string, readonly string[]>>;
  readonly strategy: Strategy;
  readonly columns: readonly Column[];
  /** True if the kind was defined by a CustomResourceDefinition: no strategic merge patch. */
  readonly custom: boolean;
  /** The name of the definition of its type, see schema/. */
  readonly schema: ObjectSchema;
  /** Between the stored form and this version; absent when they are the same. */
  readonly convert?: {
    fromStorage(object: UnstructuredObject): UnstructuredObject;
    toStorage(object: UnstructuredObject): UnstructuredObject;
  };
}

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** How objects of a kind are checked and completed against their declared fields. */
export interface ObjectSchema {
  /**
   * Checks the types of all fields, drops unknown ones and fills in defaults. The object is modified.
   * @returns the paths of the unknown fields: `spec.replcas`
   * @throws StatusError BadRequest for a value of the wrong type (built-in kinds), as a Go server does when decoding
   */
  conform(object: UnstructuredObject): string[];
  /** Problems that make the object invalid (custom kinds). */
  validate(object: UnstructuredObject, old: UnstructuredObject | undefined): StatusCause[];
  /** For `/openapi/v3`; lazily made. */
  openApi(): Record<string, unknown>;
}
