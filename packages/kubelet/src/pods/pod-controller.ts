import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { formatKey, isStatus, type ObjectKey } from "@ai-edge/apimachinery";
import { Pod } from "@ai-edge/api";
import { type EventRecorder, type Informer, type Manager, patchStatus } from "@ai-edge/runtime";

import type { AddressAllocator } from "../addresses/address-allocator.ts";
import type { NodeContext } from "./pod-context.ts";
import { PodWorker } from "./pod-worker.ts";

export interface PodControllerOptions {
  node: NodeContext;
  addresses: AddressAllocator;
  /** Holds one directory per pod uid. */
  directory: string;
  recorder: EventRecorder;
}

/** A pod that fails its deadline or was evicted is not run again; others are, after a restart of the agent. */
const ENDED_PHASES = new Set(["Succeeded", "Failed"]);
/** On shutdown containers get this long: the next start of the agent starts them again. */
const SHUTDOWN_GRACE_SECONDS = 5;

/** Keeps what runs on this node equal to the Pods that are bound to it. */
export class PodController {
  readonly workers = new Map<string, PodWorker>();
  readonly #manager: Manager;
  readonly #options: PodControllerOptions;
  readonly #pods: Informer<Pod>;
  #enqueue: (key: ObjectKey) => void = () => undefined;
  readonly #retiring = new Set<PodWorker>();
  #swept = false;
  #closing = false;

  constructor(manager: Manager, options: PodControllerOptions) {
    this.#manager = manager;
    this.#options = options;
    this.#pods = manager.informer(Pod);
  }

  add(): void {
    const handle = this.#manager.addController({
      name: "kubelet-pods",
      for: Pod,
      filter: (pod) => pod.spec.nodeName === this.#options.node.nodeName,
      concurrency: 8,
      reconcile: (key) => this.#reconcile(key),
    });
    this.#enqueue = (key) => handle.enqueue(key);
  }

  /** Ends all containers of this node without deleting a Pod. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.workers.values()].map((worker) => worker.stop(SHUTDOWN_GRACE_SECONDS)));
  }

  async #reconcile(key: ObjectKey): Promise<void> {
    if (this.#closing) return;
    await this.#sweepOnce();
    const pod = this.#pods.store.get(key);
    const worker = this.workers.get(formatKey(key));
    if (worker !== undefined && worker.uid !== pod?.metadata.uid) {
      // The Pod is gone without waiting for us (forced), or another took its name.
      await this.#retire(key, worker, 0);
    }
    if (pod === undefined || pod.spec.nodeName !== this.#options.node.nodeName) return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      await this.#terminate(key, pod);
      return;
    }
    if (!this.workers.has(formatKey(key))) {
      if (ENDED_PHASES.has(pod.status?.phase ?? "")) return;
      this.#startWorker(key, pod);
    }
    await this.#writeStatus(key, pod);
  }

  #startWorker(key: ObjectKey, pod: Pod): void {
    const { node, addresses, directory, recorder } = this.#options;
    const uid = pod.metadata.uid ?? "";
    const podIP = addresses.allocate(uid, pod.status?.podIP);
    const worker = new PodWorker(pod, {
      node,
      podIP,
      directory: join(directory, uid),
      onChange: () => this.#enqueue(key),
      event: (subject, type, reason, message) => recorder.event(subject, type, reason, message),
    });
    this.workers.set(formatKey(key), worker);
    worker.start();
  }

  /** A deletion: end the containers in the background, show it, and then delete the Pod for good. */
  async #terminate(key: ObjectKey, pod: Pod): Promise<void> {
    const worker = this.workers.get(formatKey(key));
    const grace = pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    if (worker === undefined) {
      await this.#deletePod(key, pod);
      return;
    }
    if (this.#retiring.has(worker)) return;
    this.#retiring.add(worker);
    void this.#retire(key, worker, grace)
      .then(() => this.#deletePod(key, pod))
      .catch((error: unknown) =>
        this.#options.node.logger.warn(
          { err: error, pod: formatKey(key) },
          "a Pod could not be ended; trying again",
        ),
      )
      .finally(() => {
        this.#retiring.delete(worker);
        this.#enqueue(key);
      });
    await this.#writeStatus(key, pod);
  }

  async #retire(key: ObjectKey, worker: PodWorker, graceSeconds: number): Promise<void> {
    await worker.stop(graceSeconds);
    if (this.workers.get(formatKey(key)) !== worker) return;
    this.workers.delete(formatKey(key));
    this.#options.addresses.release(worker.uid);
    await worker.remove();
  }

  async #deletePod(key: ObjectKey, pod: Pod): Promise<void> {
    const uid = pod.metadata.uid;
    try {
      await this.#manager.client.delete(Pod, key, {
        gracePeriodSeconds: 0,
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      });
    } catch (error) {
      // Gone already, or replaced by another of the same name.
      if (!isStatus(error, "NotFound", "Conflict")) throw error;
    }
  }

  async #writeStatus(key: ObjectKey, pod: Pod): Promise<void> {
    const worker = this.workers.get(formatKey(key));
    if (worker === undefined) return;
    try {
      await patchStatus(this.#manager.client, Pod, pod, {
        ...pod,
        status: { ...pod.status, ...worker.status(pod) },
      });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }

  /** Before the first pod: addresses of pods that are to run again are kept for them, directories of gone pods are removed. */
  async #sweepOnce(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    const mine = this.#pods.store.list().filter(({ spec }) => spec.nodeName === this.#options.node.nodeName);
    for (const { metadata, status } of mine) {
      if (
        metadata.uid !== undefined &&
        status?.podIP !== undefined &&
        !ENDED_PHASES.has(status.phase ?? "")
      ) {
        this.#options.addresses.allocate(metadata.uid, status.podIP);
      }
    }
    const known = new Set(mine.map(({ metadata }) => metadata.uid));
    for (const uid of await readdir(this.#options.directory).catch(() => [])) {
      if (known.has(uid)) continue;
      const containers = join(this.#options.directory, uid, "containers");
      for (const name of await readdir(containers).catch(() => [])) {
        for (const runtime of this.#options.node.runtimes) await runtime.cleanUp(join(containers, name));
      }
      await rm(join(this.#options.directory, uid), { recursive: true, force: true });
    }
  }
}
