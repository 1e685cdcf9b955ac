import { join } from "node:path";

import { formatTime } from "@ai-edge/apimachinery";
import type { Container, ContainerStatus, Pod, PodStatus } from "@ai-edge/api";
import { sleep } from "@ai-edge/runtime";

import { ContainerRunner, type RestartPolicy } from "./container-runner.ts";
import type { NodeContext, PodContext } from "./pod-context.ts";
import { podStatus } from "./pod-status.ts";
import { prepareVolumes, removePodDirectory } from "./volumes.ts";

/** core/v1's default. */
const DEFAULT_GRACE_SECONDS = 30;

export interface PodWorkerOptions {
  node: NodeContext;
  podIP: string;
  directory: string;
  /** The pod's status changed. */
  onChange: () => void;
  event: (pod: Pod, type: "Normal" | "Warning", reason: string, message: string) => void;
}

/** Runs one pod on this node from its first container to its last. */
export class PodWorker {
  readonly uid: string;
  readonly #pod: Pod;
  readonly #options: PodWorkerOptions;
  readonly #context: PodContext;
  readonly #init: ContainerRunner[];
  readonly #containers: ContainerRunner[];
  readonly #startTime: string;
  #volumes: Promise<ReadonlyMap<string, string>> | undefined;
  #finished: boolean | undefined;
  #terminating = false;
  #stopped: Promise<void> | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(pod: Pod, options: PodWorkerOptions) {
    this.uid = pod.metadata.uid ?? "";
    this.#pod = pod;
    this.#options = options;
    this.#startTime = pod.status?.startTime ?? formatTime(options.node.now());
    this.#context = this.#createContext();
    const policy = pod.spec.restartPolicy ?? "Always";
    // An init container that succeeded is not run again, except Always-ones, which are not supported here.
    this.#init = this.#runners(
      pod.spec.initContainers ?? [],
      policy === "Always" ? "OnFailure" : policy,
      pod.status?.initContainerStatuses,
    );
    this.#containers = this.#runners(pod.spec.containers, policy, pod.status?.containerStatuses);
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      this.#options.node.logger.error({ err: error, pod: this.uid }, "a pod's worker ended by an error");
    });
  }

  /** The pod's status as of now. @param latest the pod as the API has it, for its conditions */
  status(latest: Pod): PodStatus {
    return podStatus(
      latest,
      {
        podIP: this.#options.podIP,
        hostIP: this.#options.node.hostIP,
        startTime: this.#startTime,
        initContainers: this.#init.map((runner) => runner.status),
        containers: this.#containers.map((runner) => runner.status),
        finished: this.#finished,
        terminating: this.#terminating,
      },
      this.#options.node.now(),
    );
  }

  /** Nothing of the pod runs any more, and nothing will. */
  get ended(): boolean {
    return this.#finished !== undefined;
  }

  /** Ends all containers; later calls wait for the first. */
  async stop(graceSeconds: number = this.#context.gracePeriodSeconds): Promise<void> {
    this.#stopped ??= (async () => {
      this.#terminating = true;
      this.#options.onChange();
      await Promise.all(
        [...this.#init, ...this.#containers].map((runner) => runner.stop(graceSeconds * 1000)),
      );
      await this.#running;
    })();
    await this.#stopped;
  }

  /** Removes the pod's directory, logs included. */
  async remove(): Promise<void> {
    await removePodDirectory(this.#options.directory);
  }

  /** The runner of a container by name; the only container's without one. */
  runner(name: string | undefined): ContainerRunner | undefined {
    const all = [...this.#containers, ...this.#init];
    return name === undefined || name === ""
      ? this.#containers[0]
      : all.find(({ container }) => container.name === name);
  }

  async #run(): Promise<void> {
    await this.#cleanUpEarlierLife();
    for (const runner of this.#init) {
      const succeeded = await runner.run();
      if (succeeded) continue;
      if (this.#terminating) return;
      this.#finish(false);
      return;
    }
    const outcomes = await Promise.all(this.#containers.map((runner) => runner.run()));
    if (!this.#terminating) this.#finish(outcomes.every(Boolean));
  }

  /** A killed agent leaves processes behind that hold the pod's address. */
  async #cleanUpEarlierLife(): Promise<void> {
    const names = [...this.#init, ...this.#containers].map(({ container }) => container.name);
    for (const runtime of this.#options.node.runtimes) {
      for (const name of names) await runtime.cleanUp(join(this.#options.directory, "containers", name));
    }
  }

  #finish(succeeded: boolean): void {
    this.#finished = succeeded;
    this.#options.onChange();
  }

  #runners(
    containers: Container[],
    restartPolicy: RestartPolicy,
    previous: ContainerStatus[] | undefined,
  ): ContainerRunner[] {
    return containers.map(
      (container) =>
        new ContainerRunner(this.#context, container, {
          restartPolicy,
          previous: previous?.find(({ name }) => name === container.name),
        }),
    );
  }

  #createContext(): PodContext {
    const { node, podIP, directory, onChange, event } = this.#options;
    const facts = { pod: this.#pod, podIP, hostIP: node.hostIP, nodeName: node.nodeName };
    return {
      node,
      pod: this.#pod,
      uid: this.uid,
      facts,
      directory,
      gracePeriodSeconds: this.#pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
      volumes: () => {
        this.#volumes ??= prepareVolumes(directory, facts, {
          ...node.volumes,
          references: node.references,
        }).catch((error: unknown) => {
          // What is missing now may be there at the next try.
          this.#volumes = undefined;
          throw error;
        });
        return this.#volumes;
      },
      changed: onChange,
      event: (type, reason, message) => event(this.#pod, type, reason, message),
      sleep,
    };
  }
}
