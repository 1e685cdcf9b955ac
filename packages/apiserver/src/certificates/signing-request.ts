import { type CertificateSigningRequest, SIGNER_KUBE_APISERVER_CLIENT } from "@ai-edge/api";
import type { StatusCause } from "@ai-edge/apimachinery";
import { Pkcs10CertificateRequest } from "@peculiar/x509";
import { MASTERS } from "../authentication/user.ts";
import type { Strategy } from "../resources/resource.ts";
import { invalidValue, required } from "../rest/errors.ts";
import type { Subject } from "./authority.ts";

/** `spec.expirationSeconds` of less is refused (`certificates/validation`). */
const MIN_SECONDS = 600;
/** A certificate request with an RSA-4096 key and a dozen organizations is 2 KiB. */
const MAX_REQUEST_LENGTH = 32 * 1024;

/** CertificateSigningRequests: who asks is what the server saw, and nothing but the status may change afterwards. */
export const signingRequestStrategy: Strategy<CertificateSigningRequest> = {
  prepareForCreate(object, { user }) {
    object.status = {};
    if (object.spec === undefined) return;
    const { username = "", uid, groups, extra } = user;
    Object.assign(object.spec, { username, uid, groups, extra });
  },
  prepareForUpdate(object, old) {
    object.spec = structuredClone(old.spec);
  },
  validate: (object, old) => (old === undefined ? validateRequest(object) : []),
};

function validateRequest({ spec }: CertificateSigningRequest): StatusCause[] {
  if (typeof spec?.request !== "string") return [required("spec.request")];
  if (typeof spec.signerName !== "string" || spec.signerName === "") return [required("spec.signerName")];
  if (!Array.isArray(spec.usages) || spec.usages.length === 0)
    return [required("spec.usages", "usages must be specified")];
  const parsed = parseRequest(spec.request);
  if (parsed === undefined)
    return [invalidValue("spec.request", "<bytes>", "PEM block type must be CERTIFICATE REQUEST")];
  const causes: StatusCause[] = [];
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < MIN_SECONDS) {
    causes.push(
      invalidValue(
        "spec.expirationSeconds",
        spec.expirationSeconds,
        "may not specify a duration less than 600 seconds (10 minutes)",
      ),
    );
  }
  // The CertificateSubjectRestriction admission plugin: nobody signs himself into the group that may everything.
  if (spec.signerName === SIGNER_KUBE_APISERVER_CLIENT && parsed.subject.organizations.includes(MASTERS)) {
    causes.push({
      field: "spec.request",
      reason: "FieldValueForbidden",
      message: `Forbidden: use of ${SIGNER_KUBE_APISERVER_CLIENT} signer with ${MASTERS} group is not allowed`,
    });
  }
  return causes;
}

export interface ParsedRequest {
  readonly subject: Subject;
  readonly request: Pkcs10CertificateRequest;
}

/** Reads the base64 of a PEM certificate request; undefined if it is not one. The signature is not checked. */
export function parseRequest(base64: string): ParsedRequest | undefined {
  if (base64.length > MAX_REQUEST_LENGTH) return undefined;
  try {
    const request = new Pkcs10CertificateRequest(Buffer.from(base64, "base64").toString());
    const { subjectName } = request;
    return {
      subject: { commonName: subjectName.getField("CN")[0] ?? "", organizations: subjectName.getField("O") },
      request,
    };
  } catch {
    return undefined;
  }
}
