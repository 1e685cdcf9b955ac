import { type ObjectList, apiVersionOf, isJsonObject, statusError } from "@ai-edge/apimachinery";
import { fromStorage } from "../objects/create.ts";
import { tableOf } from "../printing/table.ts";
import { comparePaths, pathOf } from "../storage/object-table.ts";
import type { StoredObject } from "../storage/stored-object.ts";
import type { Call } from "./call.ts";
import { type Output, negotiate } from "./negotiation.ts";
import { includeOf, partialMetadata, sendBody, sendText } from "./respond.ts";
import { type Selection, selectionOf } from "./selection.ts";

interface Page {
  readonly objects: readonly StoredObject[];
  readonly revision: number;
  readonly meta: ObjectList["metadata"];
}

/** GET of a collection. @throws StatusError BadRequest, Expired, Timeout (resourceVersion of the future) */
export function handleList(call: Call): void {
  const output = negotiate(call.request.headers.accept, ["object", "table", "metadata"]);
  const namespace = call.resource.type.namespaced ? call.target.namespace : undefined;
  const selection = selectionOf(call.resource, namespace, call.query);
  sendPage(call, output, pageOf(call, selection));
}

function pageOf(call: Call, selection: Selection): Page {
  const { store } = call.environment;
  const limit = parseLimit(call.query.get("limit"));
  const token = call.query.get("continue") ?? "";
  const start = token === "" ? undefined : decodeContinue(token);
  const revision = start === undefined ? revisionFor(call) : start.revision;
  const { resource } = call;
  const all =
    revision === store.revision
      ? store.list(resource.storage, selection.namespace)
      : store.listAt(resource.storage, selection.namespace, revision);
  const from =
    start === undefined ? all : all.filter((stored) => comparePaths(pathOfStored(stored), start.after) > 0);
  const matching = selection.all ? from : from.filter((stored) => selection.matches(stored.object));
  const objects = limit === 0 ? matching : matching.slice(0, limit);
  const last = objects.at(-1);
  const more = matching.length - objects.length;
  const meta: ObjectList["metadata"] = { resourceVersion: String(revision) };
  if (more > 0 && last !== undefined) {
    meta.continue = encodeContinue({ revision, after: pathOfStored(last) });
    if (selection.all) meta.remainingItemCount = more;
  }
  return { objects, revision, meta };
}

/** The revision that a list is to show: the newest, unless an exact one is asked for. */
function revisionFor(call: Call): number {
  const { store } = call.environment;
  const match = call.query.get("resourceVersionMatch") ?? "";
  const text = call.query.get("resourceVersion") ?? "";
  if (match !== "" && match !== "Exact" && match !== "NotOlderThan") {
    throw badQuery(
      `resourceVersionMatch: Unsupported value: "${match}": supported values: "", "Exact", "NotOlderThan"`,
    );
  }
  if (match !== "" && text === "")
    throw badQuery("resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (text === "") return store.revision;
  const revision = parseRevision(text);
  if (match === "Exact" && revision === 0) {
    throw badQuery('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
  }
  if (revision > store.revision) throw tooLarge(revision, store.revision);
  return match === "Exact" ? revision : store.revision;
}

/** A resourceVersion parameter. @throws StatusError BadRequest */
export function parseRevision(text: string): number {
  const revision = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(revision)) return revision;
  throw badQuery(
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** The answer to a resourceVersion that this server has not reached (it lost its data, or the client mixed clusters). */
export function tooLarge(asked: number, current: number): Error {
  const message = `Too large resource version: ${asked}, current: ${current}`;
  return statusError("Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

function parseLimit(text: string | null): number {
  if (text === null || text === "") return 0;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) throw badQuery(`limit: Invalid value: ${JSON.stringify(text)}`);
  return limit;
}

interface Continue {
  readonly revision: number;
  readonly after: string;
}

/** As `apiserver/pkg/storage/continue.go`: base64url of JSON with the revision and the key to start after. */
function encodeContinue({ revision, after }: Continue): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: `${after}\u0000` })).toString(
    "base64url",
  );
}

function decodeContinue(token: string): Continue {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (isJsonObject(value) && typeof value["rv"] === "number" && typeof value["start"] === "string") {
      return { revision: value["rv"], after: value["start"].replace(/\0$/, "") };
    }
  } catch {
    // Falls through to the same answer as a token of the wrong shape.
  }
  throw badQuery("continue key is not valid: the token was not made by this server");
}

function badQuery(message: string): Error {
  return statusError("BadRequest", message);
}

function pathOfStored(stored: StoredObject): string {
  const { namespace = "", name } = stored.object.metadata;
  return pathOf({ namespace, name });
}

function sendPage(call: Call, output: Output, page: Page): void {
  const { resource } = call;
  if (output.form === "object" && output.media === "json" && resource.convert === undefined) {
    const head = JSON.stringify({
      kind: resource.listKind,
      apiVersion: apiVersionOf(resource.type),
      metadata: page.meta,
    });
    // The items are stored as JSON already: joining their texts is many times faster than serialising them again.
    const text = `${head.slice(0, -1)},"items":[${page.objects.map((stored) => stored.text).join(",")}]}\n`;
    sendText(call.response, 200, "application/json", text, call.warnings);
    return;
  }
  const items = page.objects.map((stored) => fromStorage(resource, stored.object));
  sendBody(call.response, 200, output.media, listBody(call, output, page, items), call.warnings);
}

function listBody(call: Call, output: Output, page: Page, items: ReturnType<typeof fromStorage>[]): unknown {
  const { resource } = call;
  switch (output.form) {
    case "table": {
      const now = call.environment.now();
      return tableOf(resource, items, {
        meta: page.meta,
        now,
        version: output.version,
        include: includeOf(call.query),
      });
    }
    case "metadata":
      return {
        kind: "PartialObjectMetadataList",
        apiVersion: `meta.k8s.io/${output.version}`,
        metadata: page.meta,
        items: items.map((item) => partialMetadata(item, output.version)),
      };
    case "object":
      return { kind: resource.listKind, apiVersion: apiVersionOf(resource.type), metadata: page.meta, items };
  }
}
