import type { RegistryErrorCode } from "@ai-edge/oci";

/** A request that the registry refuses: HTTP status and a code of distribution-spec, sent as `errors[]`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: RegistryErrorCode;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    code: RegistryErrorCode,
    message: string,
    headers: Record<string, string> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}
