import { StatusError } from "@ai-edge/apimachinery";

/** Why a request to the hub failed, as far as it matters what to do next. */
export type HubFailure =
  /** No answer: wait and try again. */
  | "unreachable"
  /** Its certificate is not of the authority that was pinned at the join: another or a replaced hub. */
  | "untrusted"
  /** It does not know this identity. */
  | "unauthorized"
  /** It knows it and has no rights for it (any more). */
  | "forbidden"
  | "other";

/** Node's codes of a failed verification of the server's chain (X509_V_ERR_* without the prefix). */
const UNTRUSTED_CODES = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** Sorts an error of the hub's client. */
export function classifyHubError(error: unknown): HubFailure {
  if (!(error instanceof StatusError)) return "other";
  const code = codeOf(error.cause);
  // A server that refuses our client certificate in the handshake ends it with an alert.
  if (
    code !== undefined &&
    (UNTRUSTED_CODES.has(code) || /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE)/.test(code))
  ) {
    return "untrusted";
  }
  if (error.reason === "Unauthorized") return "unauthorized";
  if (error.reason === "Forbidden" || error.reason === "NotFound") return "forbidden";
  return code !== undefined || error.reason === "ServiceUnavailable" ? "unreachable" : "other";
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}
