import type { UserInfo } from "@ai-edge/api";
import { type StatusError, type UnstructuredObject, formatTime, statusError } from "@ai-edge/apimachinery";
import type { Resource } from "../resources/resource.ts";
import type { ResourceRegistry } from "../resources/registry.ts";
import type { StorageKey } from "../storage/event.ts";
import type { Store, Transaction } from "../storage/store.ts";

/** What writing objects needs beside the transaction. */
export interface Environment {
  readonly store: Store;
  readonly registry: ResourceRegistry;
  readonly now: () => Date;
  /** As `Math.random`; for generated names. */
  readonly random: () => number;
}

/** One write: on whose behalf, and how it is to be recorded. */
export interface WriteContext {
  readonly environment: Environment;
  readonly transaction: Transaction;
  readonly user: UserInfo;
  /** Who owns the fields that this write sets. */
  readonly fieldManager: string;
  /** What to do about unknown fields. */
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** What is wrong with the body beside unknown fields: `duplicate field "spec.replicas"`. */
  readonly duplicates?: readonly string[];
  /** Collects texts for Warning headers. */
  readonly warnings: string[];
}

/** The user of the server's own controllers. */
const SYSTEM_USER: UserInfo = { username: "system:apiserver", groups: ["system:masters"] };

/** A context for writes of the server's own controllers. */
export function systemContext(environment: Environment, transaction: Transaction): WriteContext {
  return {
    environment,
    transaction,
    user: SYSTEM_USER,
    fieldManager: "ai-edge-apiserver",
    fieldValidation: "Ignore",
    warnings: [],
  };
}

export function storageKey(resource: Resource, namespace: string | undefined, name: string): StorageKey {
  return { resource: resource.storage, namespace: resource.type.namespaced ? (namespace ?? "") : "", name };
}

export function timestamp(environment: Environment): string {
  return formatTime(environment.now());
}

/** The object without undefined fields, as it will be stored; also what equality is decided on. */
export function withoutUndefined(object: UnstructuredObject): UnstructuredObject {
  return JSON.parse(JSON.stringify(object)) as UnstructuredObject;
}

export function badRequest(message: string): StatusError {
  return statusError("BadRequest", message);
}
