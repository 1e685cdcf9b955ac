import { type UnstructuredObject, StatusError, apiVersionOf, statusError } from "@ai-edge/apimachinery";
import { fromStorage } from "../objects/create.ts";
import { tableOf } from "../printing/table.ts";
import type { StorageEvent } from "../storage/event.ts";
import { StoredObject } from "../storage/stored-object.ts";
import type { Call } from "./call.ts";
import { parseRevision, tooLarge } from "./list.ts";
import { type Output, negotiate } from "./negotiation.ts";
import { includeOf, partialMetadata } from "./respond.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** A reader that is this far behind is cut off; it resumes from its last revision, or relists. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** About every minute, as kube-apiserver. */
const BOOKMARK_INTERVAL_MS = 60_000;
/** `minRequestTimeout` upstream: a watch without timeoutSeconds lives a random 30–60 min, so that reconnects spread. */
const MIN_TIMEOUT_SECONDS = 1800;

type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

/** GET with watch=true. The answer is a stream of JSON frames until timeout, disconnect or shutdown. */
export function handleWatch(call: Call): void {
  const output = negotiate(call.request.headers.accept, ["object", "table", "metadata"]);
  const { resource, target } = call;
  const namespace = resource.type.namespaced ? target.namespace : undefined;
  const selection = selectionOf(resource, namespace, call.query, target.name);
  const start = parseStart(call);
  const stream = new WatchStream(call, selection, output);
  stream.open(start);
}

interface Start {
  /** Undefined: begin with everything that is there now. */
  readonly after: number | undefined;
  readonly announceEnd: boolean;
  readonly skipInitial: boolean;
}

function parseStart(call: Call): Start {
  const text = call.query.get("resourceVersion") ?? "";
  const initial = call.query.get("sendInitialEvents");
  const { revision } = call.environment.store;
  const asked = text === "" ? 0 : parseRevision(text);
  if (initial !== null) {
    if (call.query.get("resourceVersionMatch") !== "NotOlderThan") {
      throw invalidWatch(
        "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
      );
    }
    if (asked > revision) throw tooLarge(asked, revision);
    const wanted = initial === "true";
    if (wanted) return { after: undefined, announceEnd: true, skipInitial: false };
    return { after: asked === 0 ? revision : asked, announceEnd: false, skipInitial: true };
  }
  if (call.query.has("resourceVersionMatch")) {
    throw invalidWatch(
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    );
  }
  return { after: asked === 0 ? undefined : asked, announceEnd: false, skipInitial: false };
}

function invalidWatch(message: string): Error {
  return statusError("Invalid", `ListOptions.meta.k8s.io "" is invalid: ${message}`);
}

class WatchStream {
  readonly #call: Call;
  readonly #selection: Selection;
  readonly #output: Output;
  readonly #bookmarks: boolean;
  #sentColumns = false;
  #stop: () => void = () => {};

  constructor(call: Call, selection: Selection, output: Output) {
    this.#call = call;
    this.#selection = selection;
    this.#output = output;
    this.#bookmarks = call.query.get("allowWatchBookmarks") === "true";
  }

  open(start: Start): void {
    const { store } = this.#call.environment;
    const { response, resource } = this.#call;
    // Everything up to subscribe() happens in one turn of the event loop: no event can slip in between.
    const missed = start.after === undefined ? [] : this.#missed(start.after);
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache, private" });
    response.flushHeaders();
    if (missed instanceof StatusError) {
      response.end(`${JSON.stringify({ type: "ERROR", object: missed.status })}\n`);
      return;
    }
    if (start.after === undefined && !start.skipInitial) {
      for (const stored of store.list(resource.storage, this.#selection.namespace)) {
        if (this.#selection.matches(stored.object)) this.#send("ADDED", stored);
      }
    }
    if (start.announceEnd && this.#bookmarks) this.#bookmark({ "k8s.io/initial-events-end": "true" });
    this.#deliver(missed);
    const unsubscribe = store.subscribe((events) => this.#deliver(events));
    this.#arm(unsubscribe);
  }

  #missed(after: number): StorageEvent[] | StatusError {
    const { store } = this.#call.environment;
    if (after > store.revision) throw tooLarge(after, store.revision);
    try {
      return store.eventsAfter(this.#call.resource.storage, after);
    } catch (error) {
      if (error instanceof StatusError) return error;
      throw error;
    }
  }

  /** Timers and the ways in which the stream ends. */
  #arm(unsubscribe: () => void): void {
    const { response, signal, query, environment } = this.#call;
    const asked = Number(query.get("timeoutSeconds") ?? 0);
    const seconds = asked > 0 ? asked : MIN_TIMEOUT_SECONDS * (1 + environment.random());
    const timeout = setTimeout(() => this.#end(), Math.min(seconds * 1000, 2 ** 31 - 1));
    const bookmarks = this.#bookmarks ? setInterval(() => this.#bookmark(), BOOKMARK_INTERVAL_MS) : undefined;
    const onAbort = (): void => this.#end();
    this.#stop = () => {
      clearTimeout(timeout);
      clearInterval(bookmarks);
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
      this.#stop = () => {};
    };
    signal.addEventListener("abort", onAbort);
    response.on("close", () => this.#stop());
    if (signal.aborted) this.#end();
  }

  #deliver(events: readonly StorageEvent[]): void {
    const { storage } = this.#call.resource;
    for (const event of events) {
      if (event.resource === storage) this.#pass(event);
    }
  }

  /** What an event means to this watcher: entering the selection is ADDED, leaving it DELETED. */
  #pass(event: StorageEvent): void {
    const { namespace, matches } = this.#selection;
    if (namespace !== undefined && event.namespace !== namespace) return;
    const before = event.previous !== undefined && matches(event.previous.object);
    const after = event.type !== "DELETED" && matches(event.object.object);
    if (after) this.#send(before ? "MODIFIED" : "ADDED", event.object);
    else if (before) this.#send("DELETED", event.type === "DELETED" ? event.object : withRevisionOf(event));
  }

  #send(type: EventType, stored: StoredObject): void {
    const { resource } = this.#call;
    const plain = this.#output.form === "object" && resource.convert === undefined;
    this.#write(plain ? `{"type":"${type}","object":${stored.text}}\n` : this.#encode(type, stored));
  }

  #encode(type: EventType, stored: StoredObject): string {
    const { resource, environment, query } = this.#call;
    const object = fromStorage(resource, stored.object);
    return `${JSON.stringify({ type, object: this.#shape(object, environment.now(), includeOf(query)) })}\n`;
  }

  #shape(object: UnstructuredObject, now: Date, include: ReturnType<typeof includeOf>): unknown {
    const { form, version } = this.#output;
    if (form === "metadata") return partialMetadata(object, version);
    if (form === "object") return object;
    const meta = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(this.#call.resource, [object], { meta, now, version, include });
    // Only the first event of a watch carries the columns (apiserver/pkg/endpoints/handlers/response.go).
    const columns = this.#sentColumns ? null : table["columnDefinitions"];
    this.#sentColumns = true;
    return { ...table, columnDefinitions: columns };
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { resource, environment } = this.#call;
    const { type } = resource;
    const object = {
      kind: type.kind,
      apiVersion: apiVersionOf(type),
      metadata: {
        resourceVersion: String(environment.store.revision),
        creationTimestamp: null,
        ...(annotations === undefined ? {} : { annotations }),
      },
    };
    if (this.#output.form === "table") {
      const table = {
        kind: "Table",
        apiVersion: `meta.k8s.io/${this.#output.version}`,
        metadata: object.metadata,
        rows: [],
      };
      this.#write(`${JSON.stringify({ type: "BOOKMARK", object: table })}\n`);
      return;
    }
    this.#write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
  }

  #write(frame: string): void {
    const { response, logger } = this.#call;
    if (response.destroyed || response.writableEnded) return;
    if (response.writableLength + frame.length > MAX_BUFFERED_BYTES) {
      logger.warn({ resource: this.#call.resource.storage }, "closed a watch whose reader is too slow");
      this.#stop();
      response.destroy();
      return;
    }
    response.write(frame);
  }

  #end(): void {
    const { response } = this.#call;
    if (this.#bookmarks && !response.destroyed) this.#bookmark();
    this.#stop();
    response.end();
  }
}

/** An object that leaves a selection is shown as it was, under the revision of the change. */
function withRevisionOf(event: StorageEvent): StoredObject {
  const old = (event.previous ?? event.object).object;
  const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(event.revision) } };
  return new StoredObject(JSON.stringify(object), object);
}
