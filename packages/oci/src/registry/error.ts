import { readText, type HttpAnswer } from "./transport.ts";

/** The codes of distribution-spec's `errors[]`. */
export type RegistryErrorCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "RANGE_INVALID"
  | "UNKNOWN";

/** A registry's refusal. Callers branch on `status` and `code`. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The error for an answer: what was asked, the HTTP status and the registry's own words. Consumes the body. */
export async function registryError(what: string, answer: HttpAnswer): Promise<RegistryError> {
  const text = await readText(answer.body).catch(() => "");
  const first = firstError(text);
  const detail = first.message === "" ? "" : `: ${first.message}`;
  const hint =
    answer.status === 401
      ? " (give credentials: docker or podman login, or an image pull secret)"
      : answer.status === 403
        ? " (these credentials may not)"
        : "";
  const code =
    first.code === ""
      ? answer.status === 401
        ? "UNAUTHORIZED"
        : answer.status === 404
          ? "NAME_UNKNOWN"
          : "UNKNOWN"
      : first.code;
  return new RegistryError(`${what}: ${answer.status} ${code}${detail}${hint}`, answer.status, code);
}

function firstError(text: string): { code: string; message: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("errors" in value) || !Array.isArray(value.errors))
      return { code: "", message: "" };
    const first: unknown = value.errors[0];
    if (typeof first !== "object" || first === null) return { code: "", message: "" };
    const code = "code" in first && typeof first.code === "string" ? first.code : "";
    const message =
      "message" in first && typeof first.message === "string" ? first.message.slice(0, 500) : "";
    return { code, message };
  } catch {
    return { code: "", message: "" };
  }
}
