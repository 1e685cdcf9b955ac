import type { IncomingMessage, ServerResponse } from "node:http";
import { statusError } from "@ai-edge/apimachinery";
import type { UserInfo } from "@ai-edge/api";
import type { Logger } from "pino";
import type { Environment, WriteContext } from "../objects/environment.ts";
import type { Resource } from "../resources/resource.ts";
import type { Transaction } from "../storage/store.ts";
import type { ResourceRequest } from "./request-info.ts";

/** One request for a resource, on its way through the handlers. */
export interface Call {
  readonly environment: Environment;
  readonly resource: Resource;
  readonly target: ResourceRequest;
  readonly verb: string;
  readonly query: URLSearchParams;
  readonly user: UserInfo;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly logger: Logger;
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal;
  readonly warnings: string[];
  /** What strict decoding finds in the body: keys that are there twice. */
  readonly duplicates: string[];
}

/** The name in the URL; routes with a name only. */
export function nameOf(call: Call): string {
  return call.target.name ?? "";
}

/** How long a field manager's name may be (`validation.ValidateFieldManager`). */
const MAX_FIELD_MANAGER_LENGTH = 128;

/**
 * Runs a write for a call: with its options, durably, or without effect for a dry run.
 * @throws StatusError from `run`, BadRequest for bad options
 */
export async function writeFor<T>(
  call: Call,
  run: (context: WriteContext) => T,
  dryRun = isDryRun(call),
): Promise<T> {
  const options = {
    user: call.user,
    fieldManager: fieldManagerOf(call),
    fieldValidation: fieldValidationOf(call),
  };
  const inTransaction = (transaction: Transaction): T =>
    run({
      environment: call.environment,
      transaction,
      warnings: call.warnings,
      duplicates: call.duplicates,
      ...options,
    });
  if (!dryRun) return call.environment.store.write(inTransaction);
  try {
    await call.environment.store.write((transaction) => {
      throw new DryRun(inTransaction(transaction));
    });
  } catch (error) {
    if (error instanceof DryRun) return error.result as T;
    throw error;
  }
  throw new Error("a dry run ended without a result");
}

/** Carries the result out of a transaction that must not be committed. */
class DryRun extends Error {
  readonly result: unknown;

  constructor(result: unknown) {
    super("dry run");
    this.result = result;
  }
}

function isDryRun(call: Call): boolean {
  const values = call.query.getAll("dryRun");
  const unknown = values.find((value) => value !== "All");
  if (unknown !== undefined) {
    throw statusError("Invalid", `dryRun: Unsupported value: "${unknown}": supported values: "All"`);
  }
  return values.length > 0;
}

function fieldManagerOf(call: Call): string {
  const explicit = call.query.get("fieldManager");
  if (explicit !== null && explicit !== "") {
    if (explicit.length <= MAX_FIELD_MANAGER_LENGTH) return explicit;
    throw statusError(
      "Invalid",
      `fieldManager: Too long: may not be more than ${MAX_FIELD_MANAGER_LENGTH} bytes`,
    );
  }
  const agent = call.request.headers["user-agent"] ?? "unknown";
  return agent.split("/", 1)[0]?.slice(0, MAX_FIELD_MANAGER_LENGTH) ?? "unknown";
}

function fieldValidationOf(call: Call): WriteContext["fieldValidation"] {
  const value = call.query.get("fieldValidation") ?? "";
  if (value === "") return "Warn";
  if (value === "Strict" || value === "Warn" || value === "Ignore") return value;
  throw statusError(
    "Invalid",
    `fieldValidation: Unsupported value: "${value}": supported values: "Ignore", "Strict", "Warn"`,
  );
}
