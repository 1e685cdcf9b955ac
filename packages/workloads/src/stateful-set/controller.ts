import { type ObjectKey, isStatus } from "@ai-edge/apimachinery";
import { PersistentVolumeClaim, Pod, StatefulSet } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { claim } from "../adoption.ts";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { isAvailable, isReady, podFromTemplate } from "../pod.ts";
import { PodWriter } from "../pod-writer.ts";
import { isOfRevision, revisionLabel, revisionOf } from "../revision.ts";
import { nextSteps, ordinalOf } from "./step.ts";

/**
 * Runs pods with stable names and claims. Unlike upstream it keeps no ControllerRevisions: a pod below the partition
 * that is lost comes back from the new template, about which there is an event.
 */
export function addStatefulSetController(manager: Manager, context: ControllerContext): void {
  const sets = manager.informer(StatefulSet);
  const controller = new StatefulSetController(context, sets);
  manager.addController({
    name: "statefulset",
    for: StatefulSet,
    watches: [
      {
        type: Pod,
        options: { indexes: { [BY_CONTROLLER]: controllerUid } },
        map: (pod: Pod) => ownerOf(pod),
      },
    ],
    reconcile: (key) => controller.reconcile(key),
  });
}

class StatefulSetController {
  readonly #context: ControllerContext;
  readonly #sets: Informer<StatefulSet>;
  readonly #writer: PodWriter;

  constructor(context: ControllerContext, sets: Informer<StatefulSet>) {
    this.#context = context;
    this.#sets = sets;
    this.#writer = new PodWriter(context);
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const { client, events, pods: informer } = this.#context;
    const set = this.#sets.store.get(key);
    if (set === undefined) return;
    const { selector, template, updateStrategy } = set.spec;
    const candidates = informer.store.list({ namespace: key.namespace });
    const adoptable = (pod: Pod): boolean => ordinalOf(set, pod) !== undefined;
    const pods = await claim(client, Pod, { owner: set, selector, candidates, adoptable });
    const revision = revisionOf(template);
    if ((updateStrategy?.rollingUpdate?.partition ?? 0) > 0) {
      const message =
        "updateStrategy.rollingUpdate.partition: a lost pod below it comes back from the new template";
      events.event(set, "Warning", "PartiallySupported", message);
    }
    const wait = this.#writer.settlesIn(set);
    if (wait === undefined && set.metadata.deletionTimestamp === undefined) {
      for (const step of nextSteps(set, pods, revision)) {
        if ("create" in step) await this.#create(set, step.create, revision);
        else await this.#writer.delete(set, step.delete);
      }
    }
    const status = this.#status(set, pods, revision);
    await patchStatus(client, StatefulSet, set, { ...set, status });
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  async #create(set: StatefulSet, ordinal: number, revision: string): Promise<void> {
    const name = `${set.metadata.name}-${ordinal}`;
    const labels = {
      ...revisionLabel(revision),
      "statefulset.kubernetes.io/pod-name": name,
      "apps.kubernetes.io/pod-index": String(ordinal),
    };
    const pod = podFromTemplate(set.spec.template, set, { name, labels });
    const { volumeClaimTemplates = [], serviceName } = set.spec;
    const volumes = [...(pod.spec.volumes ?? [])];
    for (const claimTemplate of volumeClaimTemplates) {
      const volume = claimTemplate.metadata.name;
      const claimName = `${volume}-${name}`;
      await this.#ensureClaim(set, claimTemplate, claimName);
      const others = volumes.filter((existing) => existing.name !== volume);
      volumes.splice(0, volumes.length, ...others, { name: volume, persistentVolumeClaim: { claimName } });
    }
    const spec = {
      ...pod.spec,
      hostname: name,
      ...(serviceName === undefined || serviceName === "" ? {} : { subdomain: serviceName }),
      ...(volumes.length === 0 ? {} : { volumes }),
    };
    await this.#writer.create(set, { ...pod, spec });
  }

  /** Claims outlive the set, as upstream's default retention policy has it: they have no owner. */
  async #ensureClaim(set: StatefulSet, template: PersistentVolumeClaim, name: string): Promise<void> {
    const { namespace } = set.metadata;
    const labels = { ...set.spec.selector.matchLabels, ...template.metadata.labels };
    try {
      await this.#context.client.create(PersistentVolumeClaim, {
        metadata: {
          name,
          ...(namespace === undefined ? {} : { namespace }),
          labels,
          annotations: template.metadata.annotations ?? {},
        },
        spec: structuredClone(template.spec),
      });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }

  #status(set: StatefulSet, pods: readonly Pod[], revision: string): NonNullable<StatefulSet["status"]> {
    const now = this.#context.now();
    const { minReadySeconds = 0, replicas = 1 } = set.spec;
    const updateRevision = `${set.metadata.name}-${revision}`;
    const updated = pods.filter((pod) => isOfRevision(pod, revision));
    const ready = pods.filter(isReady).length;
    const complete = updated.length === replicas && pods.length === replicas && ready === replicas;
    const currentRevision = complete ? updateRevision : (set.status?.currentRevision ?? updateRevision);
    const current = currentRevision === updateRevision ? updated.length : pods.length - updated.length;
    return {
      ...set.status,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: pods.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
      currentReplicas: current,
      updatedReplicas: updated.length,
      currentRevision,
      updateRevision,
      observedGeneration: set.metadata.generation ?? 0,
    };
  }
}

function ownerOf(pod: Pod): ObjectKey[] {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const { namespace } = pod.metadata;
  return owner?.kind === "StatefulSet" && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
}
