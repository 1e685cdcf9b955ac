import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type FieldSchema, schemaFromStructural } from "./field-schema.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { updateManagedFields } from "./managed-fields.ts";
import { builtInSchema, UNKNOWN_KIND_SCHEMA } from "./merge-keys.ts";
import { applyServerSide } from "./server-side-apply.ts";
import { isStatus } from "./status.ts";

const NOW = new Date("2026-01-02T03:04:05Z");

/** One line of `server-side-apply.cases.jsonl`. */
interface Case {
  name: string;
  schema: string;
  steps: Step[];
  object: JsonObject;
  owners?: Record<string, JsonObject>;
}

interface Step {
  /** Server-side apply by a manager. */
  apply?: [manager: string, object: JsonObject];
  /** A PUT of the whole object by a manager. */
  update?: [manager: string, object: JsonObject];
  /** The object as nobody's write leaves it: the server's defaulting. */
  defaults?: JsonObject;
  force?: boolean;
  /** Fields in conflict; the object stays as it was. */
  conflicts?: string[];
  /** A pattern of the refusal. */
  error?: string;
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

/** As a CRD says it. */
const STRUCTURAL = {
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
};

const DEPLOYMENT = builtInSchema("apps", "Deployment");

const CASES = readFileSync(new URL("server-side-apply.cases.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line): Case => JSON.parse(line));

function schemaNamed(name: string): FieldSchema | undefined {
  if (name === "Type") return TYPE;
  if (name === "Structural") return schemaFromStructural(STRUCTURAL);
  if (name === "unknown") return UNKNOWN_KIND_SCHEMA;
  const [group = "", kind = ""] = name.split("/");
  return builtInSchema(group, kind);
}

describe("applyServerSide", () => {
  test.each(CASES)("$name", ({ schema: schemaName, steps, object, owners }) => {
    const schema = schemaNamed(schemaName);
    let live: JsonObject | undefined;
    for (const step of steps) live = run(step, live, schema);
    expect(content(live)).toEqual(object);
    if (owners !== undefined) expect(ownersOf(live)).toEqual(owners);
  });

  test("a repeated apply returns the live object itself, so that nothing is written", () => {
    for (const { schema: schemaName, steps } of CASES) {
      const schema = schemaNamed(schemaName);
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
    expect(() => applyServerSide(request)).toThrow(new RegExp(step.error));
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
