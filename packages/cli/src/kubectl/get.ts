import {
  type ResourceType,
  type UnstructuredObject,
  isJsonObject,
  resourcePath,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { stringify } from "yaml";
import { UsageError } from "../user-error.ts";
import { CONNECTION_FLAGS, parseFlags } from "./arguments.ts";
import type { KubectlIO } from "./command.ts";
import { connect } from "./connection.ts";
import { renderTemplate } from "./json-path.ts";
import { ResourceNames } from "./resources.ts";
import { type Table, type TableStyle, formatTable, parseTable } from "./table.ts";
import { type Target, nameOf, namedTargets } from "./targets.ts";

/** Tables are made by the server, which knows each kind's columns; `application/json` for one that cannot. */
const ACCEPT_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const RESTART_WATCH_AFTER_MS = 1000;

const GET_FLAGS = {
  ...CONNECTION_FLAGS,
  "all-namespaces": { type: "boolean", short: "A" },
  selector: { type: "string", short: "l" },
  "field-selector": { type: "string" },
  output: { type: "string", short: "o" },
  watch: { type: "boolean", short: "w" },
  "no-headers": { type: "boolean" },
  "ignore-not-found": { type: "boolean" },
} as const;

interface Query {
  client: Client;
  /** Absent: all. */
  namespace: string | undefined;
  labelSelector: string | undefined;
  fieldSelector: string | undefined;
  io: KubectlIO;
}

/** `get`: tables as the server prints them, or whole objects. */
export async function runGet(argv: string[], io: KubectlIO): Promise<void> {
  const { values, positionals } = parseFlags(argv, GET_FLAGS);
  if (positionals.length === 0) throw new UsageError("give a resource type, and names if you mean some only");
  const { client, namespace } = await connect(values, io);
  try {
    const resources = new ResourceNames(client);
    const all = values["all-namespaces"] === true;
    const query: Query = {
      client,
      namespace: all ? undefined : namespace,
      labelSelector: values.selector,
      fieldSelector: values["field-selector"],
      io,
    };
    const targets = await namedTargets(positionals, resources, namespace);
    const types = targets === undefined ? await resources.find(positionals[0] ?? "") : [];
    const format = values.output ?? "";
    if (format !== "" && format !== "wide") return await printObjects(query, types, targets, format);
    const style = {
      wide: format === "wide",
      namespaces: all,
      headers: values["no-headers"] !== true,
      prefix: "",
    };
    if (values.watch === true) return await watchTable(query, types, targets, style);
    await printTables(query, types, targets, style);
  } finally {
    client.close();
  }
}

async function printTables(
  query: Query,
  types: readonly ResourceType[],
  targets: readonly Target[] | undefined,
  style: TableStyle,
): Promise<void> {
  const { io } = query;
  const tables: { type: ResourceType; table: Table }[] = [];
  for (const type of types) tables.push({ type, table: await readTable(query, type) });
  for (const { type, key } of targets ?? []) {
    const table = await readTable({ ...query, namespace: key.namespace }, type, key.name);
    const last = tables.at(-1);
    // Objects of one kind share a table.
    if (last?.type === type) last.table.rows.push(...table.rows);
    else tables.push({ type, table });
  }
  const filled = tables.filter(({ table }) => table.rows.length > 0);
  if (filled.length === 0) {
    const where = query.namespace === undefined || types.every(({ namespaced }) => !namespaced);
    io.stderr.write(where ? "No resources found\n" : `No resources found in ${query.namespace} namespace.\n`);
    return;
  }
  for (const [index, { type, table }] of filled.entries()) {
    if (index > 0) io.stdout.write("\n");
    const prefix = filled.length > 1 ? nameOf({ type, key: { name: "" } }) : "";
    const namespaces = style.namespaces && type.namespaced;
    io.stdout.write(`${formatTable(table, { ...style, prefix, namespaces }).join("\n")}\n`);
  }
}

async function readTable(query: Query, type: ResourceType, name?: string): Promise<Table> {
  const path = resourcePath(type, { namespace: query.namespace, name });
  const response = await query.client.request("GET", path, {
    headers: { accept: ACCEPT_TABLE },
    query: name === undefined ? selectors(query) : {},
    signal: query.io.signal,
  });
  const body: unknown = JSON.parse(await response.text());
  return parseTable(body) ?? plainTable(body);
}

/** Names only, for servers that print no tables. */
function plainTable(body: unknown): Table {
  const items = isJsonObject(body) && Array.isArray(body["items"]) ? body["items"] : [body];
  const metadata = items.map((item) =>
    isJsonObject(item) && isJsonObject(item["metadata"]) ? item["metadata"] : {},
  );
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  return {
    columns: [{ name: "Name", priority: 0 }],
    rows: metadata.map(({ name, namespace }) => ({ cells: [text(name)], namespace: text(namespace) })),
    resourceVersion: "",
  };
}

async function watchTable(
  query: Query,
  types: readonly ResourceType[],
  targets: readonly Target[] | undefined,
  style: TableStyle,
): Promise<void> {
  const [target] = targets ?? [];
  const type = types[0] ?? target?.type;
  if (type === undefined || types.length + (targets?.length ?? 0) !== 1) {
    throw new UsageError("--watch takes one resource type, or one object");
  }
  const { io, client } = query;
  const scoped: Query =
    target === undefined
      ? query
      : { ...query, namespace: target.key.namespace, fieldSelector: `metadata.name=${target.key.name}` };
  const tableStyle = { ...style, namespaces: style.namespaces && type.namespaced };
  const first = await readTable(scoped, type);
  const widths: number[] = [];
  io.stdout.write(
    formatTable(first, tableStyle, widths)
      .map((line) => `${line}\n`)
      .join(""),
  );
  const { columns } = first;
  // A watch that ends is taken up again from the table as it is then; rows may be printed twice, none is missed.
  for (let { resourceVersion } = first; !io.signal.aborted;) {
    const response = await client.request("GET", resourcePath(type, { namespace: scoped.namespace }), {
      headers: { accept: ACCEPT_TABLE },
      query: { ...selectors(scoped), watch: "true", resourceVersion },
      signal: io.signal,
    });
    for await (const line of linesOf(response.body)) {
      const frame: unknown = JSON.parse(line);
      const table =
        isJsonObject(frame) && frame["type"] !== "ERROR" ? parseTable(frame["object"]) : undefined;
      if (table === undefined) break;
      // Only the first event of a watch carries the columns.
      const rows = formatTable({ ...table, columns }, { ...tableStyle, headers: false }, widths);
      io.stdout.write(rows.map((row) => `${row}\n`).join(""));
    }
    await new Promise((resolve) => setTimeout(resolve, RESTART_WATCH_AFTER_MS));
    ({ resourceVersion } = await readTable(scoped, type));
  }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}

async function printObjects(
  query: Query,
  types: readonly ResourceType[],
  targets: readonly Target[] | undefined,
  format: string,
): Promise<void> {
  const { client, io } = query;
  const found: { target: Target; object: UnstructuredObject }[] = [];
  for (const type of types) {
    const { items } = await client.list(type, { ...query, signal: io.signal });
    for (const item of items) found.push({ target: { type, key: item.metadata }, object: { ...item } });
  }
  for (const target of targets ?? []) {
    found.push({ target, object: { ...(await client.get(target.type, target.key)) } });
  }
  const objects = found.map(({ object }) => withoutManagedFields(object));
  const single = targets?.length === 1 ? objects[0] : undefined;
  const whole = single ?? {
    apiVersion: "v1",
    items: objects,
    kind: "List",
    metadata: { resourceVersion: "" },
  };
  if (format === "name") io.stdout.write(found.map(({ target }) => `${nameOf(target)}\n`).join(""));
  else if (format === "json") io.stdout.write(`${JSON.stringify(whole, null, 4)}\n`);
  else if (format === "yaml") io.stdout.write(stringify(whole, { lineWidth: 0 }));
  else if (format.startsWith("jsonpath=")) {
    io.stdout.write(renderTemplate(whole, format.slice("jsonpath=".length)));
  } else {
    throw new UsageError(`-o ${format} is not one of wide, name, json, yaml, jsonpath=TEMPLATE`);
  }
}

/** As kubectl: they are for machines and hide the rest. */
function withoutManagedFields(object: UnstructuredObject): UnstructuredObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function selectors({ labelSelector, fieldSelector }: Query): Record<string, string> {
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
