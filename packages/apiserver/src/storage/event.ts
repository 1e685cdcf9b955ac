import type { StoredObject } from "./stored-object.ts";

/** Where an object is stored: its group resource (`deployments.apps`), namespace ("" if cluster-scoped) and name. */
export interface StorageKey {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** One committed change. Events of a cluster are numbered without gaps by `revision`. */
export interface StorageEvent extends StorageKey {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The object after the change; for DELETED its last state with the revision of the deletion. */
  readonly object: StoredObject;
  /** The object before the change; absent for ADDED. */
  readonly previous: StoredObject | undefined;
}
