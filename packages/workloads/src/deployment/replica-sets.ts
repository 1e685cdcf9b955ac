import {
  type KubernetesObject,
  controllerOf,
  controllerReference,
  isStatus,
  keyOf,
} from "@ai-edge/apimachinery";
import { type Deployment, LABEL_POD_TEMPLATE_HASH, ReplicaSet } from "@ai-edge/api";
import type { ControllerContext } from "../context.ts";
import { newReplicaSetSize, replicasOf } from "./bounds.ts";
import { recordedSize, revisionAnnotations, sizeAnnotations } from "./revisions.ts";
import { findNewReplicaSet, podTemplateHash } from "./template-hash.ts";

/** The name that the template hashes to belongs to another ReplicaSet: the hash must be salted differently. */
export class HashCollisionError extends Error {}

/** Writes the ReplicaSets of Deployments. Every write is guarded by the resource version that it was decided on. */
export class ReplicaSetWriter {
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  /**
   * Creates the ReplicaSet of a Deployment's template, as large as the rollout allows.
   * @throws HashCollisionError
   */
  async create(deployment: Deployment, old: readonly ReplicaSet[], revision: number): Promise<ReplicaSet> {
    const { client } = this.#context;
    const { template, minReadySeconds, selector } = deployment.spec;
    const hash = podTemplateHash(template, deployment.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [LABEL_POD_TEMPLATE_HASH]: hash };
    const name = `${deployment.metadata.name}-${hash}`;
    const replicas = newReplicaSetSize(deployment, old, 0);
    const replicaSet = {
      metadata: {
        name,
        ...namespaceOf(deployment),
        labels,
        annotations: {
          ...revisionAnnotations(deployment, undefined, revision),
          ...sizeAnnotations(deployment),
        },
        ownerReferences: [controllerReference(deployment)],
      },
      spec: {
        replicas,
        ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [LABEL_POD_TEMPLATE_HASH]: hash } },
        template: { ...structuredClone(template), metadata: { ...template.metadata, labels } },
      },
    };
    try {
      const created = await client.create(ReplicaSet, replicaSet);
      if (replicas > 0) this.#recordScale(deployment, created, 0);
      return created;
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      const existing = await client.get(ReplicaSet, { ...namespaceOf(deployment), name });
      const ours = controllerOf(existing)?.uid === deployment.metadata.uid;
      // Made by an earlier pass that the informer has not shown yet.
      if (ours && findNewReplicaSet(deployment, [existing]) !== undefined) return existing;
      throw new HashCollisionError(`ReplicaSet ${name} exists and belongs to something else`);
    }
  }

  /** Brings annotations and minReadySeconds of the current ReplicaSet in line with its Deployment. */
  async align(deployment: Deployment, current: ReplicaSet, revision: number): Promise<ReplicaSet> {
    const annotations = revisionAnnotations(deployment, current.metadata.annotations, revision);
    const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
    const same =
      sameEntries(annotations, current.metadata.annotations ?? {}) &&
      (current.spec.minReadySeconds ?? 0) === minReadySeconds;
    if (same) return current;
    return this.#patch(current, { metadata: { annotations }, spec: { minReadySeconds } });
  }

  /** Sets the size; also records the Deployment's, without which a later scale could not be told from a rollout. */
  async scale(deployment: Deployment, replicaSet: ReplicaSet, size: number): Promise<ReplicaSet> {
    const before = replicasOf(replicaSet);
    const recorded = recordedSize(replicaSet);
    const annotations = sizeAnnotations(deployment);
    const recordedAsIs = Object.entries(annotations).every(
      ([name, value]) => replicaSet.metadata.annotations?.[name] === value,
    );
    if (before === size && recordedAsIs && recorded.desired !== undefined) return replicaSet;
    const scaled = await this.#patch(replicaSet, { metadata: { annotations }, spec: { replicas: size } });
    if (before !== size) this.#recordScale(deployment, scaled, before);
    return scaled;
  }

  async delete(replicaSet: ReplicaSet): Promise<void> {
    try {
      await this.#context.client.delete(ReplicaSet, keyOf(replicaSet), { propagationPolicy: "Background" });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }

  #recordScale(deployment: Deployment, replicaSet: ReplicaSet, before: number): void {
    const after = replicasOf(replicaSet);
    const message = `Scaled ${after > before ? "up" : "down"} replica set ${replicaSet.metadata.name} from ${before} to ${after}`;
    this.#context.events.event(deployment, "Normal", "ScalingReplicaSet", message);
  }

  #patch(replicaSet: ReplicaSet, body: { metadata: object; spec: object }): Promise<ReplicaSet> {
    const { resourceVersion } = replicaSet.metadata;
    const guarded = { ...body, metadata: { ...body.metadata, resourceVersion } };
    return this.#context.client.patch(ReplicaSet, keyOf(replicaSet), { type: "merge", body: guarded });
  }
}

function namespaceOf(object: KubernetesObject): { namespace?: string } {
  const { namespace } = object.metadata;
  return namespace === undefined ? {} : { namespace };
}

function sameEntries(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([k, v]) => b[k] === v);
}
