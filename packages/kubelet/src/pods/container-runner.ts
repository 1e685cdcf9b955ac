import { join } from "node:path";

import { formatTime } from "@ai-edge/apimachinery";
import type { Container, ContainerState, ContainerStatus } from "@ai-edge/api";

import { ContainerLog, removeLog } from "../logs/container-log.ts";
import type { ContainerExit, ContainerRuntime, LocalImage, RunningContainer } from "../runtimes/runtime.ts";
import { BackoffSchedule } from "./backoff-schedule.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { containerArgv } from "./container-command.ts";
import { ContainerProbes } from "./container-probes.ts";
import { resolveEnvironment } from "./environment.ts";
import type { PodContext } from "./pod-context.ts";
import { runHandler } from "./probe.ts";
import { mountsOf } from "./volumes.ts";

/** A preStop hook without a bound of its own gets this share of the grace period at most. */
const PRE_STOP_LIMIT_MS = 30_000;

/** How a container is started again after it ended. */
export type RestartPolicy = "Always" | "OnFailure" | "Never";

/** Runs one container of a pod: pull, start, probe, restart with back-off, stop. */
export class ContainerRunner {
  readonly container: Container;
  log: ContainerLog | undefined;
  readonly #context: PodContext;
  readonly #restartPolicy: RestartPolicy;
  readonly #crashBackoff: BackoffSchedule;
  readonly #pullBackoff: BackoffSchedule;
  readonly #stopping = new AbortController();
  #state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  #lastState: ContainerState = {};
  #restartCount: number;
  #image: LocalImage | undefined;
  #runtime: ContainerRuntime | undefined;
  #running: RunningContainer | undefined;
  #probes: ContainerProbes | undefined;
  #graceMs = 0;

  constructor(
    context: PodContext,
    container: Container,
    options: { restartPolicy: RestartPolicy; previous: ContainerStatus | undefined },
  ) {
    this.#context = context;
    this.container = container;
    this.#restartPolicy = options.restartPolicy;
    this.#crashBackoff = new BackoffSchedule(context.node.backoff);
    this.#pullBackoff = new BackoffSchedule(context.node.backoff);
    const { previous } = options;
    this.#restartCount = previous?.restartCount ?? 0;
    if (previous?.state?.running !== undefined) {
      // It ran in an earlier life of this agent, and ended with it.
      this.#restartCount += 1;
      const { startedAt } = previous.state.running;
      const finishedAt = formatTime(context.node.now());
      this.#lastState = {
        terminated: {
          exitCode: 137,
          reason: "Unknown",
          message: "The node agent was restarted",
          startedAt: startedAt ?? finishedAt,
          finishedAt,
        },
      };
    }
  }

  /** Where the log of the current or the previous run is. */
  logPath(previous = false): string {
    const run = previous ? this.#restartCount - 1 : this.#restartCount;
    return join(this.#context.directory, "logs", this.container.name, `${run}.log`);
  }

  /** Runs until the container may not be started again. @returns true if it ended well */
  async run(): Promise<boolean> {
    for (;;) {
      const exit = await this.#attempt();
      if (exit === undefined) return false;
      const again =
        this.#restartPolicy === "Always" || (this.#restartPolicy === "OnFailure" && exit.exitCode !== 0);
      if (!again || this.#stopping.signal.aborted) return exit.exitCode === 0;
      await this.#backOff();
      if (this.#stopping.signal.aborted) return false;
    }
  }

  /** Ends the container: preStop, SIGTERM, and SIGKILL when the grace is over. `run` returns afterwards. */
  async stop(graceMs: number): Promise<void> {
    this.#graceMs = graceMs;
    this.#stopping.abort();
    const running = this.#running;
    if (running === undefined) return;
    this.#probes?.stop();
    this.#context.event("Normal", "Killing", `Stopping container ${this.container.name}`);
    const deadline = setTimeout(() => running.kill("SIGKILL"), graceMs);
    const { preStop } = this.container.lifecycle ?? {};
    if (preStop !== undefined) await this.#runPreStop(preStop, running);
    running.kill(graceMs === 0 ? "SIGKILL" : this.#stopSignal());
    await running.exited;
    clearTimeout(deadline);
  }

  get status(): ContainerStatus {
    const running = this.#state.running !== undefined;
    return {
      name: this.container.name,
      state: this.#state,
      lastState: this.#lastState,
      ready: running && this.#probes?.ready === true,
      started: running && this.#probes?.started === true,
      restartCount: this.#restartCount,
      image: this.container.image ?? "",
      imageID: this.#image?.imageID ?? "",
      ...(this.#runtime === undefined ? {} : { containerID: `${this.#runtime.name}://${this.#id()}` }),
    };
  }

  #id(): string {
    return `${this.#context.uid}-${this.container.name}-${this.#restartCount}`;
  }

  /** One run from pull to exit. @returns undefined if it was stopped before it ran */
  async #attempt(): Promise<ContainerExit | undefined> {
    for (;;) {
      if (this.#stopping.signal.aborted) return undefined;
      try {
        const running = await this.#start();
        return await this.#watch(running);
      } catch (error) {
        if (this.#stopping.signal.aborted) return undefined;
        await this.#waitAfter(error);
      }
    }
  }

  async #start(): Promise<RunningContainer> {
    const { node, facts } = this.#context;
    const { image: reference = "", imagePullPolicy } = this.container;
    const image = await node.images.ensure({
      reference,
      policy: imagePullPolicy,
      pod: this.#context.pod,
      signal: this.#stopping.signal,
    });
    this.#image = image;
    this.#runtime = await this.#chooseRuntime(image);
    const env = await resolveEnvironment(this.container, facts, node.references, {
      ...imageEnvironment(image),
      ...node.serviceVariables(this.#context.pod),
    });
    const mounts = mountsOf(this.container, await this.#context.volumes());
    this.#stopping.signal.throwIfAborted();
    const log = new ContainerLog(this.logPath(), node.now);
    this.log = log;
    const running = await this.#runtime.start({
      id: this.#id(),
      podName: this.#context.pod.metadata.name,
      image,
      argv: containerArgv(this.container, image, env),
      env,
      workingDir: this.container.workingDir ?? (image.config.config?.WorkingDir || undefined),
      mounts,
      podIP: facts.podIP,
      directory: join(this.#context.directory, "containers", this.container.name),
      output: (stream, chunk) => log.write(stream, chunk),
    });
    this.#context.event("Normal", "Created", `Created container: ${this.container.name}`);
    this.#context.event("Normal", "Started", `Started container ${this.container.name}`);
    return running;
  }

  async #chooseRuntime(image: LocalImage): Promise<ContainerRuntime> {
    const refusals: string[] = [];
    for (const runtime of this.#context.node.runtimes) {
      const refusal = await runtime.refuses(image);
      if (refusal === undefined) return runtime;
      refusals.push(refusal);
    }
    throw new NoRuntimeError(refusals.join("; "));
  }

  async #watch(running: RunningContainer): Promise<ContainerExit> {
    const startedAt = this.#context.node.now();
    this.#running = running;
    this.#probes = new ContainerProbes(this.#context, this.container, running, () => this.#context.changed());
    this.#set({ running: { startedAt: formatTime(startedAt) } });
    if (this.#stopping.signal.aborted) running.kill(this.#graceMs === 0 ? "SIGKILL" : this.#stopSignal());
    const exit = await running.exited;
    this.#probes.stop();
    this.#running = undefined;
    await this.log?.close();
    const finishedAt = this.#context.node.now();
    this.#crashBackoff.ran(finishedAt.getTime() - startedAt.getTime());
    const reason = exit.exitCode === 0 ? "Completed" : "Error";
    this.#set({
      terminated: {
        exitCode: exit.exitCode,
        ...(exit.signal === undefined ? {} : { signal: exit.signal }),
        reason,
        ...(exit.message === undefined ? {} : { message: exit.message }),
        startedAt: formatTime(startedAt),
        finishedAt: formatTime(finishedAt),
        containerID: `${this.#runtime?.name ?? "process"}://${this.#id()}`,
      },
    });
    return exit;
  }

  async #backOff(): Promise<void> {
    this.#lastState = this.#state;
    const before = this.#restartCount - 1;
    this.#restartCount += 1;
    // As the kubelet: the log of the last run is kept for --previous, older ones go.
    if (before >= 0)
      await removeLog(join(this.#context.directory, "logs", this.container.name, `${before}.log`));
    const delay = this.#crashBackoff.next();
    const pod = `${this.#context.pod.metadata.name}_${this.#context.pod.metadata.namespace}(${this.#context.uid})`;
    this.#set({
      waiting: {
        reason: "CrashLoopBackOff",
        message: `back-off ${delay / 1000}s restarting failed container=${this.container.name} pod=${pod}`,
      },
    });
    this.#context.event(
      "Warning",
      "BackOff",
      `Back-off restarting failed container ${this.container.name} in pod ${pod}`,
    );
    await this.#context.sleep(delay, this.#stopping.signal);
  }

  /** Shows why the container does not run, and waits before the next try. */
  async #waitAfter(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const { reason, backOffReason } = reasonsOf(error);
    this.#set({ waiting: { reason, message } });
    this.#context.event("Warning", reason === "ErrImagePull" ? "Failed" : reason, message);
    const delay = this.#pullBackoff.next();
    const shown = this.#context.sleep(Math.min(delay, SHOW_REASON_MS), this.#stopping.signal);
    await shown;
    if (backOffReason !== undefined)
      this.#set({
        waiting: {
          reason: backOffReason,
          message: `Back-off pulling image "${this.container.image}": ${reason}: ${message}`,
        },
      });
    await this.#context.sleep(Math.max(0, delay - SHOW_REASON_MS), this.#stopping.signal);
  }

  async #runPreStop(
    preStop: NonNullable<NonNullable<Container["lifecycle"]>["preStop"]>,
    running: RunningContainer,
  ): Promise<void> {
    const timeoutMs = Math.min(this.#graceMs, PRE_STOP_LIMIT_MS);
    const result = await runHandler(preStop, {
      podIP: this.#context.facts.podIP,
      container: this.container,
      running,
      timeoutMs,
    });
    if (!result.success)
      this.#context.event("Warning", "FailedPreStopHook", `PreStopHook failed: ${result.message}`);
  }

  #stopSignal(): NodeJS.Signals {
    const name = this.#image?.config.config?.StopSignal;
    return name === "SIGINT" || name === "SIGQUIT" || name === "SIGHUP" || name === "SIGUSR1"
      ? name
      : "SIGTERM";
  }

  #set(state: ContainerState): void {
    this.#state = state;
    this.#context.changed();
  }
}

/** A failed pull is shown as ErrImagePull this long before it becomes ImagePullBackOff. */
const SHOW_REASON_MS = 2_000;

/** No runtime of this node takes the image. */
class NoRuntimeError extends Error {
  override readonly name = "NoRuntimeError";
}

function reasonsOf(error: unknown): { reason: string; backOffReason?: string } {
  if (error instanceof ConfigurationError) return { reason: "CreateContainerConfigError" };
  if (error instanceof NoRuntimeError) return { reason: "CreateContainerError" };
  if (error instanceof Error && error.name === "ImagePullError")
    return { reason: "ErrImagePull", backOffReason: "ImagePullBackOff" };
  if (error instanceof Error && error.name === "ImageNeverPullError") return { reason: "ErrImageNeverPull" };
  return { reason: "RunContainerError" };
}

function imageEnvironment(image: LocalImage): Record<string, string> {
  return Object.fromEntries(
    (image.config.config?.Env ?? []).map((line) => {
      const equals = line.indexOf("=");
      return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}
