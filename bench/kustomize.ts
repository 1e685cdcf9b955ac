/*
 * Times @ai-edge/kustomize beside `kubectl kustomize` and `kustomize build` where they are installed, in one run.
 * Run: npx node bench/kustomize.ts [documents ...]
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, diskFileSystem, toYaml } from "../packages/kustomize/src/index.ts";

const RUNS_WARM = 20;
const DOCUMENT_COUNTS = [300, 2_000, 10_000];
/** The peers need minutes beyond this. */
const MOST_DOCUMENTS_OF_PEERS = 2_000;

const MODEL_APP = "examples/gitops/apps/bike-rentals";

function overlay(root: string, documents: number): string {
  const base = join(root, `base-${documents}`);
  const top = join(root, `overlay-${documents}`);
  mkdirSync(base);
  mkdirSync(top);
  const manifests = Array.from({ length: documents / 2 }, (_, index) => document(index));
  writeFileSync(join(base, "all.yaml"), manifests.join("---\n"));
  writeFileSync(join(base, "kustomization.yaml"), "resources:\n- all.yaml\n");
  writeFileSync(
    join(top, "kustomization.yaml"),
    `resources:
- ../base-${documents}
namePrefix: edge-
namespace: site
images:
- name: registry.example/model
  newTag: "2"
patches:
- target:
    kind: Deployment
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: any
    spec:
      template:
        spec:
          containers:
          - name: model
            env:
            - name: SITE
              value: north
`,
  );
  return top;
}

function document(index: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: model-${index}
  labels:
    app: model-${index}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: model-${index}
  template:
    metadata:
      labels:
        app: model-${index}
    spec:
      containers:
      - name: model
        image: registry.example/model:1
        ports:
        - containerPort: 8080
        envFrom:
        - configMapRef:
            name: settings-${index}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-${index}
data:
  threshold: "0.5"
  greeting: hello from model ${index}
`;
}

function seconds(action: () => void): number {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function median(times: readonly number[]): number {
  return times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
}

function render(path: string): string {
  return toYaml(build(diskFileSystem(), path).resources);
}

function report(what: string, time: number | undefined): void {
  console.log(
    `${what.padEnd(58)} ${time === undefined ? "not installed" : `${(time * 1000).toFixed(1)} ms`}`,
  );
}

function timeProgram(program: string, args: readonly string[]): number | undefined {
  const probe = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (probe.error !== undefined || probe.status !== 0 || probe.stdout === "") return undefined;
  return median(
    Array.from({ length: 3 }, () => seconds(() => spawnSync(program, args, { maxBuffer: 1 << 28 }))),
  );
}

const PEERS: readonly (readonly [string, (path: string) => string[]])[] = [
  ["kubectl", (path) => ["kustomize", path]],
  [process.env.KUSTOMIZE ?? "kustomize", (path) => ["build", path]],
];

const root = mkdtempSync(join(tmpdir(), "bench-kustomize-"));
try {
  const app = process.env.MODEL_APP ?? MODEL_APP;
  report(
    "model app, first build in this process",
    seconds(() => render(app)),
  );
  report("model app, warm", median(Array.from({ length: RUNS_WARM }, () => seconds(() => render(app)))));
  // As the long-lived commands run, and as it is released; then as a checkout runs it, by type stripping.
  const bundle = join(root, "bundle");
  spawnSync(process.execPath, ["packages/cli/bin/make-bundle.js", bundle]);
  const start = `const { main } = await import(${JSON.stringify(join(bundle, "main.js"))}); process.exitCode = await main(["kustomize", "build", ${JSON.stringify(app)}]);`;
  report(
    "model app, fresh process, bundled",
    timeProgram(process.execPath, ["--input-type=module", "--eval", start]),
  );
  report(
    "model app, fresh process, from source",
    timeProgram(process.execPath, ["packages/cli/bin/ai-edge.js", "kustomize", "build", app]),
  );
  for (const [program, args] of PEERS) report(`model app, ${program}`, timeProgram(program, args(app)));
  const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : DOCUMENT_COUNTS;
  for (const documents of counts) {
    const path = overlay(root, documents);
    report(`${documents} documents`, median(Array.from({ length: 3 }, () => seconds(() => render(path)))));
    if (documents > MOST_DOCUMENTS_OF_PEERS) continue;
    for (const [program, args] of PEERS) {
      const time = seconds(() => spawnSync(program, args(path), { maxBuffer: 1 << 28 }));
      report(`${documents} documents, ${program}`, time < 0.01 ? undefined : time);
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
