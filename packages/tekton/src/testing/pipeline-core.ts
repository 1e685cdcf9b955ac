import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  Namespace,
  PipelineRun,
  TaskRun,
  tektonConverter,
  tektonCustomResourceDefinitions,
} from "@ai-edge/api";
import type { PipelineRunSpec } from "@ai-edge/api";
import { keyOf } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { createRegistryClient } from "@ai-edge/oci";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, startTestForge, startTestRegistry, temporaryDirectory } from "@ai-edge/testing";
import type { TemporaryDirectory, TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { expect, vi } from "vitest";
import { addTektonControllers, localImageBuilder, nativeTasks, tektonManifests } from "../index.ts";
import { succeededCondition } from "../run-state.ts";
import { base64, createInputs, pushBaseImage, seedRepositories, type TestForge, TOKEN } from "./inputs.ts";
import { fetchRunSpec, type FetchRunChanges, updateRunSpec } from "./run-specs.ts";
import { StandInCluster } from "./stand-in-cluster.ts";

export const NAMESPACE = "models";
/** Of this process alone: other test files listen on Service addresses at the same time. */
const SERVICE_BLOCK = `127.251.${process.pid % 250}`;
const RUN_TIMEOUT_MS = 20_000;
const RUN_INTERVAL_MS = 50;

const run = promisify(execFile);

interface Parts {
  readonly directory: TemporaryDirectory;
  readonly api: TestApiServer;
  readonly forge: TestForge;
  readonly registry: Awaited<ReturnType<typeof startTestRegistry>>;
  readonly gate: Gate;
}

/** The forge lets nobody in while `pending` is not settled. */
interface Gate {
  pending: Promise<void>;
}

/** What git takes for the forge's organisation; nothing answers there. */
export const ELSEWHERE = "https://github.example/upstream/";

/** API server, forge, registry, shipped tasks and controllers, with everything in them that a run needs. */
export class PipelineCore {
  readonly client: Client;
  readonly directory: string;
  readonly forge: Parts["forge"];
  readonly registry: Parts["registry"];
  readonly #parts: Parts;
  readonly #cluster: StandInCluster;
  #stop: (() => Promise<void>) | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.client = parts.api.client;
    this.directory = parts.directory.path;
    this.forge = parts.forge;
    this.registry = parts.registry;
    this.#cluster = new StandInCluster(this.client, NAMESPACE);
  }

  static async start(): Promise<PipelineCore> {
    const gate: Gate = { pending: Promise.resolve() };
    const directory = await temporaryDirectory("tekton-");
    const [api, forge, registry] = await Promise.all([
      startTestApiServer({
        customResourceDefinitions: tektonCustomResourceDefinitions,
        converters: { "tekton.dev": tektonConverter },
        serviceCIDR: `${SERVICE_BLOCK}.0/24`,
      }),
      startTestForge({
        authenticate: async (credentials) => {
          await gate.pending;
          const secret = credentials.scheme === "basic" ? credentials.password : credentials.token;
          return secret === TOKEN ? { login: "pipeline" } : undefined;
        },
      }),
      startTestRegistry(),
    ]);
    const core = new PipelineCore({ directory, api, forge, registry, gate });
    await core.#fill();
    core.#cluster.start();
    core.startControllers();
    return core;
  }

  async #fill(): Promise<void> {
    for (const name of [NAMESPACE, "openshift-pipelines"])
      await this.client.create(Namespace, { metadata: { name } });
    for (const object of tektonManifests({ registry: this.registry.host })) {
      await this.client.apply(await this.client.resourceFor(object.apiVersion, object.kind), object, {
        fieldManager: "test",
        force: true,
      });
    }
    await pushBaseImage(this.directory, this.registry.host);
    await seedRepositories(this.forge, this.registry.host);
    await createInputs({ client: this.client, namespace: NAMESPACE, forgeUrl: this.forge.url });
  }

  async close(): Promise<void> {
    await this.stopControllers();
    await this.#cluster.close();
    const { api, forge, registry, directory } = this.#parts;
    await Promise.all([api.close(), forge.close(), registry.close()]);
    await directory.remove();
  }

  startControllers(): void {
    const manager = createManager({ client: this.client, logger: pino({ level: "silent" }) });
    addTektonControllers(manager, {
      dataDir: join(this.directory, "tekton"),
      nativeTasks: nativeTasks({
        environment: {
          PATH: process.env["PATH"],
          HOME: this.directory,
          // As an operator's git is told to fetch from a forge of his own: git-config(1) "GIT_CONFIG_COUNT".
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: `url.${this.forge.url}/edge/.insteadOf`,
          GIT_CONFIG_VALUE_0: ELSEWHERE,
        },
        buildImage: localImageBuilder(join(this.directory, "images")),
      }),
      volumes: (claim) => join(this.directory, "volumes", claim.metadata.uid ?? ""),
    });
    const controller = new AbortController();
    const running = manager.start(controller.signal);
    this.#stop = async () => {
      controller.abort();
      await running;
    };
  }

  async stopControllers(): Promise<void> {
    await this.#stop?.();
  }

  /** From now on nobody gets past the forge's login, until the returned function is called. */
  closeGate(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parts.gate.pending = promise;
    return resolve;
  }

  /** The images that were deployed as candidates. */
  get images(): readonly string[] {
    return this.#cluster.images;
  }

  fetchRun(model: string, changes?: FetchRunChanges): PipelineRunSpec {
    return fetchRunSpec(this.#addresses, model, changes);
  }

  updateRun(digest: string): PipelineRunSpec {
    return updateRunSpec(this.#addresses, digest);
  }

  get #addresses(): { forgeUrl: string; registryHost: string } {
    return { forgeUrl: this.forge.url, registryHost: this.registry.host };
  }

  /** Creates a run and waits for its end. */
  async finished(spec: PipelineRunSpec, generateName = "run-"): Promise<PipelineRun> {
    const metadata = { generateName, namespace: NAMESPACE, name: "" };
    return this.untilDone(await this.client.create(PipelineRun, { metadata, spec }));
  }

  async untilDone(created: PipelineRun): Promise<PipelineRun> {
    return vi.waitFor(
      async () => {
        const current = await this.client.get(PipelineRun, keyOf(created));
        expect(succeededCondition(current)?.status, JSON.stringify(current.status?.conditions)).toMatch(
          /True|False/,
        );
        return current;
      },
      { timeout: RUN_TIMEOUT_MS, interval: RUN_INTERVAL_MS },
    );
  }

  /** Undefined when there is no such tag. */
  async digestOfTag(repository: string, tag: string): Promise<string | undefined> {
    const client = createRegistryClient({ host: this.registry.host });
    try {
      return (await client.repository(repository).resolve(tag))?.digest;
    } finally {
      client.close();
    }
  }

  /** The URL of a repository below edge/, with credentials. */
  cloneUrl(name: string): string {
    return `${this.forge.url.replace("//", `//x:${TOKEN}@`)}/edge/${name}.git`;
  }

  /** The branches of edge/gitops. */
  async branches(): Promise<string[]> {
    const { stdout } = await run("git", ["ls-remote", "--heads", this.cloneUrl("gitops")]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("refs/heads/")[1] ?? "");
  }

  /** Every run's status and every log so far, none of which may show the token; and what steps left behind. */
  async traces(): Promise<{ texts: number; leaking: string[]; scratchFiles: string[] }> {
    const lists = [this.client.list(PipelineRun), this.client.list(TaskRun)];
    const texts = await Promise.all(lists.map(async (list) => JSON.stringify(await list)));
    const logs = join(this.directory, "tekton", "logs", NAMESPACE);
    for (const file of await readdir(logs)) texts.push(await readFile(join(logs, file), "utf8"));
    const leaking = texts.filter((content) => content.includes(TOKEN) || content.includes(base64(TOKEN)));
    const scratch = join(this.directory, "tekton", "scratch");
    const [current = ""] = await readdir(scratch);
    return { texts: texts.length, leaking, scratchFiles: await readdir(join(scratch, current)) };
  }
}

/** The results of a run, by name. */
export function resultsOf(run: PipelineRun): Record<string, unknown> {
  return Object.fromEntries((run.status?.results ?? []).map(({ name, value }) => [name, value]));
}
