import type { Container, Probe } from "@ai-edge/api";

import type { RunningContainer } from "../runtimes/runtime.ts";
import type { PodContext } from "./pod-context.ts";
import { type ProbeWorker, runHandler, startProbe } from "./probe.ts";

/** The probes of one run of a container: startup first, then liveness and readiness. */
export class ContainerProbes {
  ready: boolean;
  started: boolean;
  readonly #context: PodContext;
  readonly #container: Container;
  readonly #running: RunningContainer;
  readonly #onChange: () => void;
  readonly #workers: ProbeWorker[] = [];
  #stopped = false;

  constructor(context: PodContext, container: Container, running: RunningContainer, onChange: () => void) {
    this.#context = context;
    this.#container = container;
    this.#running = running;
    this.#onChange = onChange;
    this.started = container.startupProbe === undefined;
    this.ready = this.started && container.readinessProbe === undefined;
    if (container.startupProbe === undefined) this.#startRegular();
    else this.#startStartup(container.startupProbe);
  }

  stop(): void {
    this.#stopped = true;
    this.ready = false;
    for (const worker of this.#workers) worker.stop();
  }

  #startStartup(probe: Probe): void {
    const worker = this.#start("Startup", probe, (success, message) => {
      if (!success) return this.#restart("startup", message);
      worker.stop();
      this.started = true;
      this.ready = this.#container.readinessProbe === undefined;
      this.#startRegular();
      this.#onChange();
    });
  }

  #startRegular(): void {
    const { livenessProbe, readinessProbe } = this.#container;
    if (livenessProbe !== undefined) {
      this.#start("Liveness", livenessProbe, (success, message) => {
        if (!success) this.#restart("liveness", message);
      });
    }
    if (readinessProbe !== undefined) {
      this.#start("Readiness", readinessProbe, (success) => {
        if (this.ready === success) return;
        this.ready = success;
        this.#onChange();
      });
    }
  }

  #start(
    kind: "Startup" | "Liveness" | "Readiness",
    probe: Probe,
    onVerdict: (success: boolean, message: string) => void,
  ): ProbeWorker {
    const worker = startProbe(
      probe,
      (timeoutMs) =>
        runHandler(probe, {
          podIP: this.#context.facts.podIP,
          container: this.#container,
          running: this.#running,
          timeoutMs,
        }),
      (success, message) => {
        if (!this.#stopped) onVerdict(success, message);
      },
      (message) => {
        // Before the first success a readiness probe fails because the container starts: no news for anybody.
        if (kind !== "Readiness" || this.ready)
          this.#context.event("Warning", "Unhealthy", `${kind} probe failed: ${message}`);
      },
      { eager: kind === "Readiness" },
    );
    this.#workers.push(worker);
    return worker;
  }

  /** Ends the container; its runner starts it again as the restart policy says. */
  #restart(kind: string, message: string): void {
    this.#context.event(
      "Normal",
      "Killing",
      `Container ${this.#container.name} failed ${kind} probe, will be restarted: ${message}`,
    );
    this.stop();
    this.#running.kill("SIGTERM");
    const grace =
      (this.#container.livenessProbe?.terminationGracePeriodSeconds ?? this.#context.gracePeriodSeconds) *
      1000;
    const timer = setTimeout(() => this.#running.kill("SIGKILL"), grace);
    void this.#running.exited.then(() => clearTimeout(timer));
  }
}
