import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { build, toYaml } from "./build.ts";
import { memoryFileSystem } from "./memory-file-system.ts";
import { isMap, type Value, valuesEqual } from "./value.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

/** Names that lists merge by, that mean something to the engines, or that JavaScript would trip over. */
const KEYS =
  "a|b|name|containers|ports|containerPort|protocol|env|volumes|finalizers|metadata|labels|annotations|spec|template|$patch|$retainKeys|__proto__|constructor|prototype|a/b|~|0|-".split(
    "|",
  );
const SCALARS = ["", "x", "delete", "replace", "merge", "server", "1", "é\n", null, true, 0, -1, 8080, 1.5];

const { value } = fc.letrec<{ value: unknown; list: unknown; map: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(...SCALARS),
    tie("list"),
    tie("map"),
  ),
  list: fc.array(tie("value"), { maxLength: 3 }),
  map: fc.array(fc.tuple(fc.constantFrom(...KEYS), tie("value")), { maxLength: 4 }).map((entries) => {
    const map: Record<string, unknown> = Object.create(null);
    for (const [key, element] of entries) map[key] = element;
    return map;
  }),
}));

const container = fc.record(
  {
    name: fc.constantFrom("server", "other"),
    image: fc.constantFrom("i", "i:1"),
    ports: fc.array(
      fc.record(
        { containerPort: fc.constantFrom(80, 8080), protocol: fc.constantFrom("TCP", "UDP") },
        { requiredKeys: [] },
      ),
    ),
    env: value,
    $patch: fc.constantFrom("delete", "replace", "merge"),
  },
  { requiredKeys: [] },
);
const podSpec = fc.record(
  {
    containers: fc.oneof(fc.array(container, { maxLength: 3 }), value),
    volumes: value,
    $patch: fc.constantFrom("delete", "replace", "merge"),
    a: value,
  },
  { requiredKeys: [] },
);
const segment = fc.constantFrom(
  ...KEYS.map((key) => key.replace("~", "~0").replace("/", "~1")),
  "ports",
  "99999999999",
  "1e3",
);
const path = fc.oneof(
  fc.array(segment, { maxLength: 5 }).map((parts) => `/${parts.join("/")}`),
  // Most random paths lead nowhere; these apply.
  fc.array(segment, { minLength: 1, maxLength: 1 }).map((parts) => `/spec/${parts.join("/")}`),
  fc.constantFrom(
    "/spec",
    "/spec/containers",
    "/spec/containers/0",
    "/spec/containers/-",
    "/metadata/labels",
  ),
);
const operation = fc.record(
  {
    op: fc.constantFrom("add", "add", "add", "add", "remove", "replace", "move", "copy", "test", "nope"),
    path,
    from: path,
    value,
  },
  { requiredKeys: ["op", "path", "from"] },
);

const pod = (spec: unknown) =>
  JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec });

/** Builds one Pod with a patch. Anything but a result or an understandable error fails the test. @returns whether it applied */
function patchPod(spec: unknown, patch: string): boolean {
  const files = memoryFileSystem({
    "kustomization.yaml": JSON.stringify({
      resources: ["r.yaml"],
      patches: [{ target: { kind: "Pod" }, path: "p.yaml" }],
    }),
    "r.yaml": pod(spec),
    "p.yaml": patch,
  });
  const start = performance.now();
  let resources: Value[];
  try {
    resources = build(files, "/").resources;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(RangeError);
    expect(String(error)).not.toMatch(/TypeError|undefined|Cannot read|is not a function|\[object Object\]/);
    return false;
  } finally {
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  }
  let text: string;
  try {
    text = toYaml(resources.filter(isMap));
  } catch (error) {
    expect(String(error)).toMatch(/cannot be written|not a string/);
    return false;
  }
  const read = parseYamlDocuments(text);
  expect(read.length).toBe(resources.length);
  for (const [index, resource] of resources.entries()) {
    expect(valuesEqual(read[index] ?? null, resource), text).toBe(true);
  }
  return true;
}

describe("patches of any shape", () => {
  it("JSON patches give a result that reads back, or an error", () => {
    let applied = 0;
    fc.assert(
      fc.property(podSpec, fc.array(operation, { minLength: 1, maxLength: 4 }), (spec, operations) => {
        if (patchPod(spec, JSON.stringify(operations))) applied++;
      }),
      { numRuns: 1_500 },
    );
    // Some 110 do: fewer than half of that would mean that the test has lost its subject.
    expect(applied).toBeGreaterThan(50);
  });

  it("strategic merge patches give a result that reads back, or an error", () => {
    let applied = 0;
    fc.assert(
      fc.property(podSpec, podSpec, (spec, patch) => {
        if (patchPod(spec, pod(patch))) applied++;
      }),
      { numRuns: 1_500 },
    );
    expect(applied).toBeGreaterThan(100);
  });

  it.each(["__proto__", "constructor", "prototype"])("a key %s is a key as any other", (key) => {
    patchPod({}, `[{"op": "add", "path": "/spec/${key}", "value": {"polluted": true}}]`);
    patchPod({}, `[{"op": "add", "path": "/spec/${key}/polluted", "value": true}]`);
    patchPod(
      {},
      `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"${key}": {"polluted": true}}}`,
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("input that is too much ends in an error, soon", () => {
  const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    .concat(Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`))
    .join("\n");
  const doubling = JSON.stringify(
    Array.from({ length: 40 }, (_, index) => ({ op: "copy", from: "/data", path: `/data/k${index}` })),
  );
  const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";

  it.each<[what: string, files: Record<string, string | Uint8Array>, message: RegExp]>([
    [
      "a document of 100 MB",
      { "r.yaml": new Uint8Array(100_000_000).fill(97) },
      /file '\/r.yaml' is too large/,
    ],
    ["40 MB of manifests", { "r.yaml": `---\n${configMap}`.repeat(550_000) }, /too large: \d+ characters/],
    [
      "10 MB with an anchor",
      { "r.yaml": `a: &a b\n---\n${configMap}`.repeat(140_000) },
      /too large: .* anchors/,
    ],
    ["10,000 brackets", { "r.yaml": `a: ${"[".repeat(10_000)}` }, /nested deeper/],
    [
      "an alias bomb",
      { "r.yaml": `${configMap}x:\n  ${bomb.replaceAll("\n", "\n  ")}` },
      /excessive aliasing/,
    ],
    ["an alias bomb as a patch", { "r.yaml": configMap, "p.yaml": `kind: X\n${bomb}` }, /excessive aliasing/],
    ["an alias bomb as a kustomization", { "kustomization.yaml": bomb }, /excessive aliasing/],
    ["copies that double", { "r.yaml": configMap, "p.yaml": doubling }, /cop/],
    [
      "an expression that backtracks",
      {
        "kustomization.yaml":
          "resources: [r.yaml]\nreplacements: [{source: {kind: ConfigMap}, targets: [{select: {name: '(a+)+$x'}, fieldPaths: [data.k]}]}]",
        "r.yaml": configMap.replace("name: a", `name: ${"a".repeat(200)}`),
      },
      /^$/,
    ],
  ])("%s", (_what, files, message) => {
    const kustomization = `resources: [r.yaml]\n${"p.yaml" in files ? "patches: [{path: p.yaml, target: {kind: ConfigMap}}]\n" : ""}`;
    const start = performance.now();
    const run = () => build(memoryFileSystem({ "kustomization.yaml": kustomization, ...files }), "/");
    if (message.source === "^$") run();
    else expect(run).toThrow(message);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
