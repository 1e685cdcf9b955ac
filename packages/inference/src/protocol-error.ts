/**
 * A request that the protocol refuses, with the HTTP status it deserves. The message is shown to the client as
 * `{"error": message}`, the error object of the Open Inference Protocol and of TensorFlow Serving.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly status: number;

  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

/** The body of an error answer: both REST protocols use the same shape. */
export function errorBody(message: string): { error: string } {
  return { error: message };
}

/** True for JSON objects (no arrays, no null). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How error messages name the kind of a JSON value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value === undefined) return "nothing";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
