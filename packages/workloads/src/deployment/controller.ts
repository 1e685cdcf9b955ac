import { type ObjectKey, controllerOf, keyOf, matchesLabelSelector } from "@ai-edge/apimachinery";
import {
  ANNOTATION_DEPLOYMENT_REVISION,
  Deployment,
  type DeploymentStatus,
  Pod,
  ReplicaSet,
} from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import { claim } from "../adoption.ts";
import { BY_CONTROLLER, type ControllerContext, controllerUid } from "../context.ts";
import { isFinished } from "../pod.ts";
import { desiredReplicas, isRollingUpdate, replicasOf } from "./bounds.ts";
import { PROGRESSING, PROGRESS_REASONS, setCondition, typedCondition } from "./conditions.ts";
import { HashCollisionError, ReplicaSetWriter } from "./replica-sets.ts";
import { beyondHistory, nextRevision, revisionOf } from "./revisions.ts";
import { type Resize, nextStep } from "./rolling-update.ts";
import { scaleStep, wasScaled } from "./scaling.ts";
import {
  type Rollout,
  deploymentStatus,
  hasProgressDeadline,
  isComplete,
  untilDeadline,
  withProgress,
} from "./status.ts";
import { byCreation, findNewReplicaSet } from "./template-hash.ts";

/** Distinct Deployments worked on at once. */
const CONCURRENCY = 4;

/** Rolls Deployments out over ReplicaSets. */
export function addDeploymentController(manager: Manager, context: ControllerContext): void {
  const deployments = manager.informer(Deployment);
  const indexes = { [BY_CONTROLLER]: controllerUid };
  const replicaSets = manager.informer(ReplicaSet, { indexes });
  const controller = new DeploymentController(context, deployments, replicaSets);
  manager.addController({
    name: "deployment",
    for: Deployment,
    watches: [
      {
        type: ReplicaSet,
        options: { indexes },
        map: (replicaSet: ReplicaSet) => deploymentsOf(deployments, replicaSet),
      },
      {
        // Only Recreate waits for pods themselves: until the last old one is gone.
        type: Pod,
        options: { indexes },
        map: (pod: Pod) => recreatedBy(deployments, replicaSets, pod),
      },
    ],
    concurrency: CONCURRENCY,
    reconcile: (key) => controller.reconcile(key),
  });
}

class DeploymentController {
  readonly #context: ControllerContext;
  readonly #deployments: Informer<Deployment>;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #writer: ReplicaSetWriter;

  constructor(
    context: ControllerContext,
    deployments: Informer<Deployment>,
    replicaSets: Informer<ReplicaSet>,
  ) {
    this.#context = context;
    this.#deployments = deployments;
    this.#replicaSets = replicaSets;
    this.#writer = new ReplicaSetWriter(context);
  }

  async reconcile(key: ObjectKey): Promise<Result | void> {
    const deployment = this.#deployments.store.get(key);
    if (deployment === undefined) return;
    const { selector } = deployment.spec;
    const candidates = this.#replicaSets.store.list({ namespace: key.namespace });
    const owned = byCreation(
      await claim(this.#context.client, ReplicaSet, { owner: deployment, selector, candidates }),
    );
    const current = findNewReplicaSet(deployment, owned);
    const old = owned.filter((replicaSet) => replicaSet !== current);
    const now = this.#context.now();
    let rollout: Rollout = { deployment: withPause(deployment, now), current, old };
    if (deployment.metadata.deletionTimestamp !== undefined) {
      return this.#finish(deployment, rollout, deploymentStatus(rollout, now));
    }
    if (deployment.spec.paused === true || wasScaled(rollout)) {
      rollout = current === undefined ? rollout : await this.#withCurrent(deployment, rollout);
      rollout = await this.#resize(rollout, scaleStep(rollout));
      if (deployment.spec.paused === true) await this.#cleanUp(rollout);
      return this.#finish(deployment, rollout, deploymentStatus(rollout, this.#context.now()));
    }
    rollout = isRollingUpdate(deployment)
      ? await this.#rollingUpdate(deployment, rollout)
      : await this.#recreate(deployment, rollout);
    const counted = deploymentStatus(rollout, this.#context.now());
    if (isComplete(deployment, counted)) await this.#cleanUp(rollout);
    return this.#finish(deployment, rollout, withProgress(rollout, counted, this.#context.now()));
  }

  async #rollingUpdate(deployment: Deployment, before: Rollout): Promise<Rollout> {
    const rollout = await this.#withCurrent(deployment, before);
    return this.#resize(rollout, nextStep(rollout));
  }

  /** All old pods go before the first new one comes. */
  async #recreate(deployment: Deployment, before: Rollout): Promise<Rollout> {
    const active = before.old.filter((replicaSet) => replicasOf(replicaSet) > 0);
    if (active.length > 0) {
      return this.#resize(
        before,
        active.map((replicaSet) => ({ replicaSet, size: 0 })),
      );
    }
    const running = before.old.some(({ metadata }) =>
      this.#context.pods.store.byIndex(BY_CONTROLLER, metadata.uid ?? "").some((pod) => !isFinished(pod)),
    );
    if (running) return before;
    const rollout = await this.#withCurrent(deployment, before);
    const { current } = rollout;
    if (current === undefined) return rollout;
    return this.#resize(rollout, [{ replicaSet: current, size: desiredReplicas(deployment) }]);
  }

  /** The rollout with its current ReplicaSet made or aligned, and the revision recorded on the Deployment. */
  async #withCurrent(original: Deployment, rollout: Rollout): Promise<Rollout> {
    const { old } = rollout;
    const now = this.#context.now();
    let { deployment } = rollout;
    let { current } = rollout;
    const revision = nextRevision(old);
    if (current === undefined) {
      current = await this.#create(original, rollout, revision);
      const message = `Created new replica set "${current.metadata.name}"`;
      deployment = withProgressReason(deployment, PROGRESS_REASONS.newReplicaSet, message, now);
    } else {
      current = await this.#writer.align(deployment, current, revision);
      if (typedCondition(deployment.status?.conditions, PROGRESSING) === undefined) {
        const message = `Found new replica set "${current.metadata.name}"`;
        deployment = withProgressReason(deployment, PROGRESS_REASONS.foundReplicaSet, message, now);
      }
    }
    await this.#recordRevision(deployment, current);
    return { deployment, current, old };
  }

  async #create(original: Deployment, rollout: Rollout, revision: number): Promise<ReplicaSet> {
    const { deployment, old } = rollout;
    try {
      return await this.#writer.create(deployment, old, revision);
    } catch (error) {
      const status = deployment.status ?? {};
      const message = error instanceof Error ? error.message : String(error);
      const after: DeploymentStatus =
        error instanceof HashCollisionError
          ? { ...status, collisionCount: (status.collisionCount ?? 0) + 1 }
          : {
              ...status,
              conditions: setCondition(
                status.conditions ?? [],
                { type: PROGRESSING, status: "False", reason: PROGRESS_REASONS.createFailed, message },
                this.#context.now(),
              ),
            };
      await patchStatus(this.#context.client, Deployment, original, { ...original, status: after });
      throw error;
    }
  }

  /** `kubectl rollout` reads the revision from the Deployment. */
  async #recordRevision(deployment: Deployment, current: ReplicaSet): Promise<void> {
    const revision = String(revisionOf(current));
    if (deployment.metadata.annotations?.[ANNOTATION_DEPLOYMENT_REVISION] === revision) return;
    const body = { metadata: { annotations: { [ANNOTATION_DEPLOYMENT_REVISION]: revision } } };
    await this.#context.client.patch(Deployment, keyOf(deployment), { type: "merge", body });
  }

  async #resize(rollout: Rollout, steps: readonly Resize[]): Promise<Rollout> {
    const resized = new Map<ReplicaSet, ReplicaSet>();
    for (const { replicaSet, size } of steps) {
      resized.set(replicaSet, await this.#writer.scale(rollout.deployment, replicaSet, size));
    }
    const { deployment, current, old } = rollout;
    return {
      deployment,
      current: current === undefined ? undefined : (resized.get(current) ?? current),
      old: old.map((replicaSet) => resized.get(replicaSet) ?? replicaSet),
    };
  }

  async #cleanUp({ deployment, old }: Rollout): Promise<void> {
    for (const replicaSet of beyondHistory(deployment, old)) await this.#writer.delete(replicaSet);
  }

  async #finish(original: Deployment, rollout: Rollout, status: DeploymentStatus): Promise<Result | void> {
    await patchStatus(this.#context.client, Deployment, original, { ...original, status });
    const wait = untilDeadline(rollout.deployment, status, this.#context.now());
    return wait === undefined ? undefined : { requeueAfter: wait };
  }
}

/** Pausing stops the progress deadline, resuming starts it anew (upstream's checkPausedConditions). */
function withPause(deployment: Deployment, now: Date): Deployment {
  if (!hasProgressDeadline(deployment)) return deployment;
  const reason = typedCondition(deployment.status?.conditions, PROGRESSING)?.reason;
  if (reason === PROGRESS_REASONS.timedOut) return deployment;
  const paused = deployment.spec.paused === true;
  if (paused === (reason === PROGRESS_REASONS.paused)) return deployment;
  const conditions = setCondition(
    deployment.status?.conditions ?? [],
    {
      type: PROGRESSING,
      status: "Unknown",
      reason: paused ? PROGRESS_REASONS.paused : PROGRESS_REASONS.resumed,
      message: paused ? "Deployment is paused" : "Deployment is resumed",
    },
    now,
  );
  return { ...deployment, status: { ...deployment.status, conditions } };
}

function withProgressReason(deployment: Deployment, reason: string, message: string, now: Date): Deployment {
  if (!hasProgressDeadline(deployment)) return deployment;
  const condition = { type: PROGRESSING, status: "True", reason, message } as const;
  const conditions = setCondition(deployment.status?.conditions ?? [], condition, now);
  return { ...deployment, status: { ...deployment.status, conditions } };
}

function deploymentsOf(deployments: Informer<Deployment>, replicaSet: ReplicaSet): ObjectKey[] {
  const { namespace, labels } = replicaSet.metadata;
  const owner = controllerOf(replicaSet);
  if (owner !== undefined) {
    return owner.kind === "Deployment" && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
  }
  return deployments.store
    .list({ namespace })
    .filter(({ spec }) => matchesLabelSelector(spec.selector, labels))
    .map(keyOf);
}

function recreatedBy(
  deployments: Informer<Deployment>,
  replicaSets: Informer<ReplicaSet>,
  pod: Pod,
): ObjectKey[] {
  const { namespace } = pod.metadata;
  const owner = controllerOf(pod);
  if (owner?.kind !== "ReplicaSet" || namespace === undefined) return [];
  const replicaSet = replicaSets.store.get({ namespace, name: owner.name });
  const keys = replicaSet === undefined ? [] : deploymentsOf(deployments, replicaSet);
  return keys.filter((key) => {
    const deployment = deployments.store.get(key);
    return deployment !== undefined && !isRollingUpdate(deployment);
  });
}
