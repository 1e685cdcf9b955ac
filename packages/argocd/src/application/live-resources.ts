import { Deployment, Pod, ReplicaSet } from "@ai-edge/api";
import {
  controllerOf,
  groupResource,
  type KubernetesObject,
  type ObjectKey,
  type ResourceType,
  type UnstructuredObject,
} from "@ai-edge/apimachinery";
import type { Informer, Manager } from "@ai-edge/runtime";
import { trackingInstance } from "./tracking.ts";
import { unstructuredType, type UnstructuredType } from "./unstructured-type.ts";

/** How long a first list of a new kind may take before the comparison counts as failed. */
const SYNC_TIMEOUT_MS = 30_000;
const INDEX = "argocd-instance";

function byInstance(object: KubernetesObject): string[] {
  const instance = trackingInstance(object);
  return instance === undefined ? [] : [instance];
}

/** Local copies of all kinds that Applications manage, fed by watches that start when a kind is first managed. */
export class LiveResources {
  readonly #manager: Manager;
  readonly #onChange: (instance: string) => void;
  readonly #informers = new Map<string, { type: UnstructuredType; informer: Informer<UnstructuredObject> }>();
  #podsWatched = false;

  /** @param onChange called with the tracking name of the Application whose object, or object's pod, changed */
  constructor(manager: Manager, onChange: (instance: string) => void) {
    this.#manager = manager;
    this.#onChange = onChange;
  }

  /** Watches a kind from now on. @returns when its objects are known; throws when they do not come */
  async watch(type: ResourceType): Promise<void> {
    await within(this.#informer(type).synced, `list of ${groupResource(type)}`);
    if (type.kind === "Deployment" && type.group === "apps") {
      await Promise.all([
        within(this.#manager.informer(ReplicaSet).synced, "list of replicasets"),
        within(this.#podInformer().synced, "list of pods"),
      ]);
    }
  }

  /** The local copy of an object. The kind must be watched. */
  get(type: ResourceType, key: ObjectKey): UnstructuredObject | undefined {
    return this.#informer(type).store.get(key);
  }

  /** All known objects that an Application tracks. */
  ofInstance(instance: string): { type: UnstructuredType; object: UnstructuredObject }[] {
    return [...this.#informers.values()].flatMap(({ type, informer }) =>
      informer.store.byIndex(INDEX, instance).map((object) => ({ type, object })),
    );
  }

  /** The pods of a Deployment's ReplicaSets, with the name of the ReplicaSet. */
  podsOf(deployment: KubernetesObject): { pod: Pod; replicaSet: ReplicaSet }[] {
    const { namespace, uid } = deployment.metadata;
    const sets = this.#manager
      .informer(ReplicaSet)
      .store.list({ namespace })
      .filter((set) => controllerOf(set)?.uid === uid);
    const byUid = new Map(sets.map((set) => [set.metadata.uid, set]));
    return this.#podInformer()
      .store.list({ namespace })
      .flatMap((pod) => {
        const replicaSet = byUid.get(controllerOf(pod)?.uid);
        return replicaSet === undefined ? [] : [{ pod, replicaSet }];
      });
  }

  #informer(type: ResourceType): Informer<UnstructuredObject> {
    const key = `${type.group}/${type.version}/${type.plural}`;
    const existing = this.#informers.get(key);
    if (existing !== undefined) return existing.informer;
    const informer = this.#manager.informer<UnstructuredObject>(unstructuredType(type), {
      indexes: { [INDEX]: byInstance },
    });
    this.#informers.set(key, { type: unstructuredType(type), informer });
    informer.onEvent(({ object, old }) => {
      for (const instance of new Set([...byInstance(object), ...(old === undefined ? [] : byInstance(old))]))
        this.#onChange(instance);
    });
    return informer;
  }

  #podInformer(): Informer<Pod> {
    const informer = this.#manager.informer(Pod);
    if (!this.#podsWatched) {
      this.#podsWatched = true;
      informer.onEvent(({ object }) => this.#onPod(object));
    }
    return informer;
  }

  /** A pod tells its Application through ReplicaSet and Deployment: it does not carry the tracking id itself. */
  #onPod(pod: Pod): void {
    const { namespace } = pod.metadata;
    const set = controllerOf(pod);
    if (set?.kind !== "ReplicaSet" || namespace === undefined) return;
    const replicaSet = this.#manager.informer(ReplicaSet).store.get({ namespace, name: set.name });
    const owner = replicaSet === undefined ? undefined : controllerOf(replicaSet);
    if (owner?.kind !== "Deployment") return;
    const deployment = this.#informer(Deployment).store.get({ namespace, name: owner.name });
    for (const instance of deployment === undefined ? [] : byInstance(deployment)) this.#onChange(instance);
  }
}

async function within(synced: Promise<void>, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no ${what} within ${SYNC_TIMEOUT_MS / 1000} s`)),
      SYNC_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([synced, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
