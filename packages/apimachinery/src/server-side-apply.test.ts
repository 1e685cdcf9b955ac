import { describe, expect, test } from "vitest";
import { applyServerSide } from "./server-side-apply.ts";
import { updateManagedFields } from "./managed-fields.ts";
import { builtInSchema, UNKNOWN_KIND_SCHEMA } from "./merge-keys.ts";
import { schemaFromStructural, type FieldSchema } from "./field-schema.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { isStatus } from "./status.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const DEPLOYMENT = builtInSchema("apps", "Deployment");

interface Step {
  /** Server-side apply by a manager. */
  apply?: [manager: string, object: JsonObject];
  /** A PUT of the whole object by a manager. */
  update?: [manager: string, object: JsonObject];
  /** Merged over the live object by nobody, as the server's defaulting does. */
  defaults?: JsonObject;
  force?: boolean;
  /** Fields in conflict; the object stays as it was. */
  conflicts?: string[];
  error?: RegExp;
}

interface Case {
  name: string;
  schema: FieldSchema | undefined;
  steps: Step[];
  object: JsonObject;
  owners?: Record<string, JsonObject>;
}

/** A type with one list of each kind. */
const TYPE: FieldSchema = {
  fields: {
    byName: { list: "map", keys: ["name"] },
    byPort: { list: "map", keys: ["port", "protocol"], keyDefaults: { protocol: "TCP" } },
    set: { list: "set" },
    ref: { map: "atomic" },
    nested: {
      list: "map",
      keys: ["name"],
      items: { fields: { inner: { list: "map", keys: ["name"] }, tags: { list: "set" } } },
    },
  },
};

const CASES: Case[] = [
  {
    name: "creates what is applied and owns its leaves",
    schema: TYPE,
    steps: [{ apply: ["a", { spec: { x: 1, y: { z: "v" } } }] }],
    object: { spec: { x: 1, y: { z: "v" } } },
    owners: { a: { "f:spec": { "f:x": {}, "f:y": { "f:z": {} } } } },
  },
  {
    name: "owns an empty map",
    schema: TYPE,
    steps: [{ apply: ["a", { spec: {} }] }],
    object: { spec: {} },
    owners: { a: { "f:spec": {} } },
  },
  {
    name: "owns nothing in an empty associative list",
    schema: TYPE,
    steps: [{ apply: ["a", { byName: [], x: 1 }] }],
    object: { byName: [], x: 1 },
    owners: { a: { "f:x": {} } },
  },
  {
    name: "changes an own field",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { apply: ["a", { x: 2 }] }],
    object: { x: 2 },
  },
  {
    name: "removes a field that is no longer applied",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1, y: 2 }] }, { apply: ["a", { x: 1 }] }],
    object: { x: 1 },
    owners: { a: { "f:x": {} } },
  },
  {
    name: "removes a nested field and the map that it leaves empty",
    schema: TYPE,
    steps: [{ apply: ["a", { m: { k: 1 }, x: 1 }] }, { apply: ["a", { x: 1 }] }],
    object: { x: 1 },
  },
  {
    name: "keeps a dropped field that another applier applies with the same value",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1, y: 1 }] }, { apply: ["b", { x: 1 }] }, { apply: ["a", { y: 1 }] }],
    object: { x: 1, y: 1 },
    owners: { a: { "f:y": {} }, b: { "f:x": {} } },
  },
  {
    name: "removes a shared field when the last owner drops it",
    schema: TYPE,
    steps: [
      { apply: ["a", { x: 1, y: 1 }] },
      { apply: ["b", { x: 1, z: 1 }] },
      { apply: ["a", { y: 1 }] },
      { apply: ["b", { z: 1 }] },
    ],
    object: { y: 1, z: 1 },
  },
  {
    name: "conflicts with another applier's other value",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { apply: ["b", { x: 2 }], conflicts: [".x"] }],
    object: { x: 1 },
  },
  {
    name: "force takes the field",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1, y: 1 }] }, { apply: ["b", { x: 2 }], force: true }],
    object: { x: 2, y: 1 },
    owners: { a: { "f:y": {} }, b: { "f:x": {} } },
  },
  {
    name: "a manager without fields left disappears",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { apply: ["b", { x: 2 }], force: true }],
    object: { x: 2 },
    owners: { b: { "f:x": {} } },
  },
  {
    name: "reports every conflicting field",
    schema: TYPE,
    steps: [
      { apply: ["a", { x: 1, m: { k: 1 } }] },
      { apply: ["b", { x: 2, m: { k: 2 } }], conflicts: [".x", ".m.k"] },
    ],
    object: { x: 1, m: { k: 1 } },
  },
  {
    name: "no conflict over an equal value: both own it",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { apply: ["b", { x: 1 }] }],
    object: { x: 1 },
    owners: { a: { "f:x": {} }, b: { "f:x": {} } },
  },
  {
    name: "null removes a field",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1, y: 1 }] }, { apply: ["a", { x: null, y: 1 }] }],
    object: { y: 1 },
  },
  {
    name: "an update takes a field from an applier",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { update: ["k", { x: 2 }] }],
    object: { x: 2 },
    owners: { k: { "f:x": {} } },
  },
  {
    name: "an applier conflicts with an updater",
    schema: TYPE,
    steps: [
      { apply: ["a", { x: 1, y: 1 }] },
      { update: ["k", { x: 2, y: 1 }] },
      { apply: ["a", { x: 1, y: 1 }], conflicts: [".x"] },
    ],
    object: { x: 2, y: 1 },
  },
  {
    name: "an applier that gives a field up leaves the updater's value",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1, y: 1 }] }, { update: ["k", { x: 2, y: 1 }] }, { apply: ["a", { y: 1 }] }],
    object: { x: 2, y: 1 },
  },
  {
    name: "an update that removes a field takes it from its owner",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1, y: 1 }] }, { update: ["k", { y: 1 }] }],
    object: { y: 1 },
    owners: { a: { "f:y": {} } },
  },
  {
    name: "fields that an update adds survive an apply",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { update: ["k", { x: 1, y: 2 }] }, { apply: ["a", { x: 3 }] }],
    object: { x: 3, y: 2 },
    owners: { a: { "f:x": {} }, k: { "f:y": {} } },
  },
  {
    name: "defaults that nobody owns survive",
    schema: TYPE,
    steps: [
      { apply: ["a", { m: { x: 1 } }] },
      { defaults: { m: { x: 1, d: true } } },
      { apply: ["a", { m: { x: 2 } }] },
    ],
    object: { m: { x: 2, d: true } },
  },
  {
    name: "defaults go with the map that contained them",
    schema: TYPE,
    steps: [
      { apply: ["a", { m: { x: 1 }, y: 1 }] },
      { defaults: { m: { x: 1, d: true }, y: 1 } },
      { apply: ["a", { y: 1 }] },
    ],
    object: { y: 1 },
  },
  {
    name: "a map stays while another manager owns something in it",
    schema: TYPE,
    steps: [
      { apply: ["a", { m: { x: 1 }, y: 1 }] },
      { apply: ["b", { m: { z: 1 } }] },
      { apply: ["a", { y: 1 }] },
    ],
    object: { m: { z: 1 }, y: 1 },
  },
  {
    name: "an unknown list is atomic",
    schema: TYPE,
    steps: [{ apply: ["a", { list: [{ name: "x" }] }] }, { apply: ["a", { list: [{ name: "y" }] }] }],
    object: { list: [{ name: "y" }] },
    owners: { a: { "f:list": {} } },
  },
  {
    name: "an atomic list conflicts as a whole",
    schema: TYPE,
    steps: [{ apply: ["a", { list: [1] }] }, { apply: ["b", { list: [1, 2] }], conflicts: [".list"] }],
    object: { list: [1] },
  },
  {
    name: "an atomic map is one leaf",
    schema: TYPE,
    steps: [{ apply: ["a", { ref: { name: "x", kind: "y" } }] }, { apply: ["a", { ref: { name: "z" } }] }],
    object: { ref: { name: "z" } },
    owners: { a: { "f:ref": {} } },
  },
  {
    name: "an atomic map conflicts as a whole",
    schema: TYPE,
    steps: [
      { apply: ["a", { ref: { name: "x" } }] },
      { apply: ["b", { ref: { name: "x", kind: "y" } }], conflicts: [".ref"] },
    ],
    object: { ref: { name: "x" } },
  },
  {
    name: "two appliers unite a list by key",
    schema: TYPE,
    steps: [
      { apply: ["a", { byName: [{ name: "x", v: 1 }] }] },
      { apply: ["b", { byName: [{ name: "y", v: 2 }] }] },
    ],
    object: {
      byName: [
        { name: "x", v: 1 },
        { name: "y", v: 2 },
      ],
    },
    owners: {
      a: { "f:byName": { 'k:{"name":"x"}': { ".": {}, "f:name": {}, "f:v": {} } } },
      b: { "f:byName": { 'k:{"name":"y"}': { ".": {}, "f:name": {}, "f:v": {} } } },
    },
  },
  {
    name: "an element that is no longer applied goes",
    schema: TYPE,
    steps: [
      { apply: ["a", { byName: [{ name: "x" }, { name: "y" }] }] },
      { apply: ["a", { byName: [{ name: "y" }] }] },
    ],
    object: { byName: [{ name: "y" }] },
  },
  {
    name: "an element that another still applies stays, without the dropped fields",
    schema: TYPE,
    steps: [
      { apply: ["a", { byName: [{ name: "x", v: 1 }] }] },
      { apply: ["b", { byName: [{ name: "x", w: 1 }] }] },
      { apply: ["a", { z: 1 }] },
    ],
    object: { byName: [{ name: "x", w: 1 }], z: 1 },
  },
  {
    name: "an element goes with fields that nobody owns",
    schema: TYPE,
    steps: [
      { apply: ["a", { byName: [{ name: "x" }, { name: "y" }] }] },
      {
        defaults: {
          byName: [
            { name: "x", d: 1 },
            { name: "y", d: 1 },
          ],
        },
      },
      { apply: ["a", { byName: [{ name: "y" }] }] },
    ],
    object: { byName: [{ name: "y", d: 1 }] },
  },
  {
    name: "the last element takes the list with it",
    schema: TYPE,
    steps: [{ apply: ["a", { byName: [{ name: "x" }], z: 1 }] }, { apply: ["a", { z: 1 }] }],
    object: { z: 1 },
  },
  {
    name: "a field inside an element conflicts by its path",
    schema: TYPE,
    steps: [
      { apply: ["a", { byName: [{ name: "x", v: 1 }] }] },
      { apply: ["b", { byName: [{ name: "x", v: 2 }] }], conflicts: ['.byName[name="x"].v'] },
    ],
    object: { byName: [{ name: "x", v: 1 }] },
  },
  {
    name: "a left-out key means its default",
    schema: TYPE,
    steps: [
      { apply: ["a", { byPort: [{ port: 80, v: 1 }] }] },
      { defaults: { byPort: [{ port: 80, protocol: "TCP", v: 1 }] } },
      { apply: ["a", { byPort: [{ port: 80, v: 2 }] }] },
    ],
    object: { byPort: [{ port: 80, protocol: "TCP", v: 2 }] },
    owners: { a: { "f:byPort": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {}, "f:v": {} } } } },
  },
  {
    name: "the same port with another protocol is another element",
    schema: TYPE,
    steps: [
      {
        apply: [
          "a",
          {
            byPort: [
              { port: 53, protocol: "UDP" },
              { port: 53, protocol: "TCP" },
            ],
          },
        ],
      },
    ],
    object: {
      byPort: [
        { port: 53, protocol: "UDP" },
        { port: 53, protocol: "TCP" },
      ],
    },
  },
  {
    name: "duplicate keys in the configuration are refused",
    schema: TYPE,
    steps: [
      {
        apply: ["a", { byName: [{ name: "x" }, { name: "x" }] }],
        error: /\.byName: duplicate entries for key \[name="x"\]/,
      },
    ],
    object: {},
  },
  {
    name: "an element without its key is refused",
    schema: TYPE,
    steps: [
      { apply: ["a", { byName: [{ v: 1 }] }], error: /\.byName: each element must be an object with name/ },
    ],
    object: {},
  },
  {
    name: "an object in a set is refused",
    schema: TYPE,
    steps: [{ apply: ["a", { set: [{}] }], error: /\.set: an element of a set must be a scalar/ }],
    object: {},
  },
  {
    name: "duplicates in a set are refused",
    schema: TYPE,
    steps: [{ apply: ["a", { set: ["x", "x"] }], error: /\.set: duplicate entries for key \[="x"\]/ }],
    object: {},
  },
  {
    name: "two appliers unite a set",
    schema: TYPE,
    steps: [{ apply: ["a", { set: ["x"] }] }, { apply: ["b", { set: ["y"] }] }],
    object: { set: ["x", "y"] },
    owners: { a: { "f:set": { 'v:"x"': {} } }, b: { "f:set": { 'v:"y"': {} } } },
  },
  {
    name: "a value that is no longer applied leaves the set",
    schema: TYPE,
    steps: [
      { apply: ["a", { set: ["x", "y"] }] },
      { apply: ["b", { set: ["y"] }] },
      { apply: ["a", { set: ["x"] }] },
      { apply: ["b", { z: 1 }] },
    ],
    object: { set: ["x"], z: 1 },
  },
  {
    name: "lists in list elements",
    schema: TYPE,
    steps: [
      {
        apply: [
          "a",
          { nested: [{ name: "n", inner: [{ name: "i", v: 1 }, { name: "j" }], tags: ["t", "u"] }] },
        ],
      },
      { apply: ["a", { nested: [{ name: "n", inner: [{ name: "i", v: 2 }], tags: ["u"] }] }] },
    ],
    object: { nested: [{ name: "n", inner: [{ name: "i", v: 2 }], tags: ["u"] }] },
  },
  {
    name: "new elements keep the applied order between live ones",
    schema: TYPE,
    steps: [{ apply: ["a", { set: ["a", "d"] }] }, { apply: ["b", { set: ["a", "b", "c", "d"] }] }],
    object: { set: ["a", "b", "c", "d"] },
  },
  {
    name: "foreign elements stay where they were",
    schema: TYPE,
    steps: [{ apply: ["a", { set: ["x", "m", "y"] }] }, { apply: ["b", { set: ["n", "y"] }] }],
    object: { set: ["x", "m", "n", "y"] },
  },
  {
    name: "the applied order wins over the live one",
    schema: TYPE,
    steps: [{ apply: ["a", { set: ["a", "b", "c"] }] }, { apply: ["a", { set: ["c", "b", "a"] }] }],
    object: { set: ["c", "b", "a"] },
  },
  {
    name: "a scalar becomes a map",
    schema: TYPE,
    steps: [{ apply: ["a", { x: 1 }] }, { apply: ["a", { x: { y: 1 } }] }],
    object: { x: { y: 1 } },
    owners: { a: { "f:x": { "f:y": {} } } },
  },
  {
    name: "a map becomes a scalar",
    schema: TYPE,
    steps: [{ apply: ["a", { x: { y: 1 } }] }, { apply: ["a", { x: 1 }] }],
    object: { x: 1 },
    owners: { a: { "f:x": {} } },
  },
  {
    name: "a map that becomes a scalar conflicts with the owner of what was in it",
    schema: TYPE,
    steps: [
      { apply: ["a", { x: { y: 1 } }] },
      { update: ["k", { x: { y: 1, z: 2 } }] },
      { apply: ["a", { x: 1 }] },
    ],
    object: { x: 1 },
  },
  {
    name: "fields named like Object's own are data",
    schema: TYPE,
    steps: [
      { apply: ["a", JSON.parse('{"labels":{"constructor":"x","__proto__":"y"}}')] },
      { apply: ["a", JSON.parse('{"labels":{"__proto__":"z"}}')] },
    ],
    object: JSON.parse('{"labels":{"__proto__":"z"}}'),
  },
  {
    name: "metadata: labels are owned one by one, the name by nobody",
    schema: UNKNOWN_KIND_SCHEMA,
    steps: [
      { apply: ["a", { metadata: { name: "n", namespace: "ns", labels: { a: "1" } } }] },
      { apply: ["b", { metadata: { name: "n", labels: { b: "2" } } }] },
    ],
    object: { metadata: { name: "n", namespace: "ns", labels: { a: "1", b: "2" } } },
    owners: {
      a: { "f:metadata": { "f:labels": { "f:a": {} } } },
      b: { "f:metadata": { "f:labels": { "f:b": {} } } },
    },
  },
  {
    name: "metadata: the name stays when the last owned field of metadata goes",
    schema: UNKNOWN_KIND_SCHEMA,
    steps: [
      { apply: ["a", { metadata: { name: "n", labels: { a: "1" } }, x: 1 }] },
      { apply: ["a", { metadata: { name: "n" }, x: 1 }] },
    ],
    object: { metadata: { name: "n" }, x: 1 },
  },
  {
    name: "metadata: finalizers are a set, owners keyed by uid",
    schema: UNKNOWN_KIND_SCHEMA,
    steps: [
      {
        apply: [
          "a",
          { metadata: { name: "n", finalizers: ["f1"], ownerReferences: [{ uid: "u1", name: "o" }] } },
        ],
      },
      {
        apply: [
          "b",
          { metadata: { name: "n", finalizers: ["f2"], ownerReferences: [{ uid: "u2", name: "p" }] } },
        ],
      },
    ],
    object: {
      metadata: {
        name: "n",
        finalizers: ["f1", "f2"],
        ownerReferences: [
          { uid: "u1", name: "o" },
          { uid: "u2", name: "p" },
        ],
      },
    },
  },
  {
    name: "metadata: an applier cannot set server fields",
    schema: UNKNOWN_KIND_SCHEMA,
    steps: [{ apply: ["a", { metadata: { name: "n", uid: "x", generation: 3, creationTimestamp: null } }] }],
    object: { metadata: { name: "n" } },
  },
  {
    name: "metadata: an applied managedFields list is refused",
    schema: UNKNOWN_KIND_SCHEMA,
    steps: [
      {
        apply: ["a", { metadata: { name: "n", managedFields: [{ manager: "x" }] } }],
        error: /managedFields must be nil/,
      },
    ],
    object: {},
  },
  {
    name: "Deployment: an autoscaler's replicas survive an applier that leaves them out",
    schema: DEPLOYMENT,
    steps: [
      { apply: ["argo", { spec: { paused: false } }] },
      { update: ["hpa", { spec: { paused: false, replicas: 5 } }] },
      { apply: ["argo", { spec: { paused: true } }] },
    ],
    object: { spec: { paused: true, replicas: 5 } },
  },
  {
    name: "Deployment: a sidecar that another manager injected survives",
    schema: DEPLOYMENT,
    steps: [
      { apply: ["argo", pods({ containers: [{ name: "web", image: "a" }] })] },
      { apply: ["mesh", pods({ containers: [{ name: "proxy", image: "p" }] })] },
      { apply: ["argo", pods({ containers: [{ name: "web", image: "b" }] })] },
    ],
    object: pods({
      containers: [
        { name: "web", image: "b" },
        { name: "proxy", image: "p" },
      ],
    }),
  },
  {
    name: "Deployment: env by name, removed when dropped",
    schema: DEPLOYMENT,
    steps: [
      {
        apply: [
          "argo",
          pods({
            containers: [
              {
                name: "web",
                env: [
                  { name: "A", value: "1" },
                  { name: "B", value: "2" },
                ],
              },
            ],
          }),
        ],
      },
      { apply: ["argo", pods({ containers: [{ name: "web", env: [{ name: "B", value: "3" }] }] })] },
    ],
    object: pods({ containers: [{ name: "web", env: [{ name: "B", value: "3" }] }] }),
  },
  {
    name: "Deployment: a dropped probe goes with its defaults",
    schema: DEPLOYMENT,
    steps: [
      { apply: ["argo", pods({ containers: [{ name: "web", livenessProbe: { httpGet: { path: "/" } } }] })] },
      {
        defaults: pods({
          containers: [{ name: "web", livenessProbe: { httpGet: { path: "/" }, periodSeconds: 10 } }],
        }),
      },
      { apply: ["argo", pods({ containers: [{ name: "web" }] })] },
    ],
    object: pods({ containers: [{ name: "web" }] }),
  },
  {
    name: "Deployment: tolerations and args are atomic",
    schema: DEPLOYMENT,
    steps: [
      { apply: ["argo", pods({ tolerations: [{ key: "a" }], containers: [{ name: "web", args: ["x"] }] })] },
      { apply: ["argo", pods({ tolerations: [{ key: "b" }], containers: [{ name: "web", args: ["y"] }] })] },
    ],
    object: pods({ tolerations: [{ key: "b" }], containers: [{ name: "web", args: ["y"] }] }),
  },
  {
    name: "Deployment: the selector is atomic",
    schema: DEPLOYMENT,
    steps: [
      { apply: ["argo", { spec: { selector: { matchLabels: { a: "1" } } } }] },
      { apply: ["argo", { spec: { selector: { matchLabels: { b: "1" } } } }] },
    ],
    object: { spec: { selector: { matchLabels: { b: "1" } } } },
    owners: { argo: { "f:spec": { "f:selector": {} } } },
  },
  {
    name: "Service: ports by port and protocol",
    schema: builtInSchema("", "Service"),
    steps: [
      { apply: ["argo", { spec: { ports: [{ port: 80, targetPort: 1 }, { port: 81 }] } }] },
      { apply: ["argo", { spec: { ports: [{ port: 80, targetPort: 2 }] } }] },
    ],
    object: { spec: { ports: [{ port: 80, targetPort: 2 }] } },
  },
  {
    name: "ConfigMap: keys of data are owned one by one",
    schema: builtInSchema("", "ConfigMap"),
    steps: [
      { apply: ["a", { data: { x: "1" } }] },
      { apply: ["b", { data: { y: "2" } }] },
      { apply: ["a", { data: { z: "3" } }] },
    ],
    object: { data: { y: "2", z: "3" } },
  },
  {
    name: "before the first apply, everything belongs to before-first-apply",
    schema: TYPE,
    steps: [
      { defaults: { x: 1, y: 1 } },
      { apply: ["a", { x: 2 }], conflicts: [".x"] },
      { apply: ["a", { x: 2 }], force: true },
    ],
    object: { x: 2, y: 1 },
    owners: { a: { "f:x": {} }, "before-first-apply": { "f:y": {} } },
  },
  {
    name: "custom resource: x-kubernetes-list-map-keys from its structural schema",
    schema: schemaFromStructural({
      type: "object",
      properties: {
        spec: {
          properties: {
            rules: {
              type: "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["id", "zone"],
              items: { properties: { zone: { type: "string", default: "eu" } } },
            },
          },
        },
      },
    }),
    steps: [
      { apply: ["a", { spec: { rules: [{ id: 1, v: "a" }] } }] },
      { apply: ["b", { spec: { rules: [{ id: 1, zone: "us" }] } }] },
    ],
    object: {
      spec: {
        rules: [
          { id: 1, v: "a" },
          { id: 1, zone: "us" },
        ],
      },
    },
  },
];

function pods(spec: JsonObject): JsonObject {
  return { spec: { template: { spec } } };
}

describe("applyServerSide", () => {
  test.each(CASES)("$name", ({ schema, steps, object, owners }) => {
    let live: JsonObject | undefined;
    for (const step of steps) live = run(step, live, schema);
    expect(content(live)).toEqual(object);
    if (owners !== undefined) expect(ownersOf(live)).toEqual(owners);
  });

  test("a repeated apply returns the live object itself, so that nothing is written", () => {
    for (const { schema, steps } of CASES) {
      let live: JsonObject | undefined;
      for (const step of steps) live = run(step, live, schema);
      const last = steps.at(-1);
      if (last?.apply === undefined || last.conflicts !== undefined || last.error !== undefined) continue;
      expect(run(last, live, schema)).toBe(live);
    }
  });

  test("the conflict message and its causes are upstream's", () => {
    const live = run({ update: ["kubectl", { spec: { replicas: 1, paused: true } }] }, undefined, DEPLOYMENT);
    const attempt = (applied: JsonObject) => () =>
      applyServerSide({ live, applied, schema: DEPLOYMENT, writer: writer("me"), force: false });
    expect(attempt({ spec: { replicas: 2 } })).toThrow(
      'Apply failed with 1 conflict: conflict with "kubectl" using v1 at 2026-01-02T03:04:05Z: .spec.replicas',
    );
    expect(attempt({ spec: { replicas: 2, paused: false } })).toThrow(
      'Apply failed with 2 conflicts: conflicts with "kubectl" using v1 at 2026-01-02T03:04:05Z:\n- .spec.replicas\n- .spec.paused',
    );
  });

  test("fields that the endpoint does not write are neither applied nor owned", () => {
    const live = applyServerSide({
      live: undefined,
      applied: { spec: { x: 1 }, status: { y: 1 } },
      schema: TYPE,
      writer: writer("a"),
      force: false,
      ignored: [["status"]],
    });
    expect(content(live)).toEqual({ spec: { x: 1 } });
    expect(ownersOf(live)).toEqual({ a: { "f:spec": { "f:x": {} } } });
  });

  test("the status subresource has entries of its own", () => {
    const first = applyServerSide({
      live: undefined,
      applied: { spec: { x: 1 } },
      schema: TYPE,
      writer: writer("a"),
      force: false,
    });
    const second = applyServerSide({
      live: first,
      applied: { status: { y: 1 } },
      schema: TYPE,
      writer: { ...writer("a"), subresource: "status" },
      force: false,
    });
    expect(content(second)).toEqual({ spec: { x: 1 }, status: { y: 1 } });
    expect(entriesOf(second).map((entry) => [entry["subresource"], entry["fieldsV1"]])).toEqual([
      [undefined, { "f:spec": { "f:x": {} } }],
      ["status", { "f:status": { "f:y": {} } }],
    ]);
  });
});

describe("updateManagedFields", () => {
  test("a create owns every field, containers on the way included", () => {
    const created = { kind: "X", metadata: { name: "n", uid: "u", labels: { a: "1" } }, spec: { list: [1] } };
    expect(updateManagedFields(undefined, created, TYPE, writer("k"))).toEqual([
      {
        manager: "k",
        operation: "Update",
        apiVersion: "v1",
        time: "2026-01-02T03:04:05Z",
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
          "f:spec": { ".": {}, "f:list": {} },
        },
      },
    ]);
  });

  test("an update that changes nothing keeps the entries and their times", () => {
    const live = run({ update: ["k", { x: 1 }] }, undefined, TYPE);
    expect(updateManagedFields(live, { x: 1 }, TYPE, { ...writer("k"), now: new Date(0) })).toEqual(
      entriesOf(live),
    );
  });

  test("a client that sends no managedFields does not lose them; an empty entry resets them", () => {
    const live = run({ apply: ["a", { x: 1, metadata: { name: "n" } }] }, undefined, TYPE);
    expect(updateManagedFields(live, { x: 1, metadata: { name: "n" } }, TYPE, writer("k"))).toEqual(
      entriesOf(live),
    );
    expect(
      updateManagedFields(live, { x: 1, metadata: { name: "n", managedFields: [{}] } }, TYPE, writer("k")),
    ).toEqual([]);
    expect(
      updateManagedFields(live, { x: 1, metadata: { name: "n", managedFields: [] } }, TYPE, writer("k")),
    ).toEqual([]);
  });

  test("entries that a client sends are taken, as kubectl's migration from client-side apply does", () => {
    const live = run(
      { update: ["kubectl-client-side-apply", { x: 1, metadata: { name: "n" } }] },
      undefined,
      TYPE,
    );
    const [entry] = entriesOf(live);
    const migrated = { ...entry, manager: "kubectl", operation: "Apply" };
    const entries = updateManagedFields(
      live,
      { x: 1, metadata: { name: "n", managedFields: [migrated] } },
      TYPE,
      writer("k"),
    );
    expect(entries).toEqual([migrated]);
  });

  test.each([
    ["no operation", [{ manager: "x", fieldsV1: {} }], /needs operation/],
    [
      "a foreign fieldsType",
      [{ manager: "x", operation: "Update", fieldsType: "V2", fieldsV1: {} }],
      /fieldsType/,
    ],
    [
      "an unknown path element",
      [{ manager: "x", operation: "Update", fieldsType: "FieldsV1", fieldsV1: { "x:a": {} } }],
      /not a path element/,
    ],
  ])("refuses managedFields with %s", (_, managedFields, message) => {
    const live = run({ update: ["k", { x: 1 }] }, undefined, TYPE);
    expect(() => updateManagedFields(live, { metadata: { managedFields } }, TYPE, writer("k"))).toThrow(
      message,
    );
  });

  test("more than ten updaters: the oldest are united as ancient-changes", () => {
    let live: JsonObject | undefined;
    let object: JsonObject = {};
    for (let index = 0; index < 15; index++) {
      object = { ...object, [`x${index}`]: index };
      const managedFields = updateManagedFields(live, object, TYPE, {
        ...writer(`m${index}`),
        now: new Date(NOW.getTime() + index * 1000),
      });
      live = { ...object, metadata: { managedFields } };
    }
    const entries = entriesOf(live);
    expect(entries).toHaveLength(10);
    expect(entries.map((entry) => entry["manager"])).toEqual([
      "ancient-changes",
      "m6",
      "m7",
      "m8",
      "m9",
      "m10",
      "m11",
      "m12",
      "m13",
      "m14",
    ]);
    expect(entries[0]?.["fieldsV1"]).toEqual({
      "f:x0": {},
      "f:x1": {},
      "f:x2": {},
      "f:x3": {},
      "f:x4": {},
      "f:x5": {},
    });
  });
});

function writer(manager: string) {
  return { manager, apiVersion: "v1", now: NOW };
}

function run(step: Step, live: JsonObject | undefined, schema: FieldSchema | undefined): JsonObject {
  if (step.defaults !== undefined) {
    const metadata = live?.["metadata"];
    return metadata === undefined ? step.defaults : { metadata, ...step.defaults };
  }
  if (step.update !== undefined) {
    const [manager, object] = step.update;
    const managedFields = updateManagedFields(live, object, schema, writer(manager));
    return { ...object, metadata: { ...record(object["metadata"]), managedFields } };
  }
  const [manager = "", applied = {}] = step.apply ?? [];
  const request = { live, applied, schema, writer: writer(manager), force: step.force ?? false };
  if (step.error !== undefined) {
    expect(() => applyServerSide(request)).toThrow(step.error);
    return live ?? {};
  }
  if (step.conflicts !== undefined) {
    expect(conflictsOf(() => applyServerSide(request))).toEqual(step.conflicts);
    return live ?? {};
  }
  return applyServerSide(request);
}

function conflictsOf(apply: () => unknown): unknown {
  try {
    apply();
  } catch (error) {
    if (isStatus(error, "Conflict")) return error.status.details?.causes?.map((cause) => cause.field);
    throw error;
  }
  return undefined;
}

function record(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function entriesOf(object: JsonObject | undefined): JsonObject[] {
  const entries = record(object?.["metadata"])["managedFields"];
  return Array.isArray(entries) ? entries.filter(isJsonObject) : [];
}

function ownersOf(object: JsonObject | undefined): JsonObject {
  return Object.fromEntries(entriesOf(object).map((entry) => [String(entry["manager"]), entry["fieldsV1"]]));
}

/** The object without its books, and without a metadata that held nothing else. */
function content(object: JsonObject | undefined): JsonObject {
  const { metadata, ...rest } = object ?? {};
  const { managedFields: _, ...others } = record(metadata);
  return Object.keys(others).length === 0 ? rest : { metadata: others, ...rest };
}
