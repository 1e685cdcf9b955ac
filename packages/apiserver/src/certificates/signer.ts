import { CertificateSigningRequest, SIGNER_KUBE_APISERVER_CLIENT } from "@ai-edge/api";
import {
  type UnstructuredObject,
  groupResource,
  isConditionTrue,
  withCondition,
} from "@ai-edge/apimachinery";
import type { Logger } from "pino";
import { type Environment, systemContext } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import type { CertificateAuthority } from "./authority.ts";
import { parseRequest } from "./signing-request.ts";

const STORAGE = groupResource(CertificateSigningRequest);
/** `--cluster-signing-duration` of kube-controller-manager: the longest, and the default. */
const MAX_LIFETIME_MS = 365 * 24 * 3600 * 1000;

type Signed = { readonly certificate: string } | { readonly failure: string };

/** Signs approved CertificateSigningRequests of the signer `kubernetes.io/kube-apiserver-client`. */
export class Signer {
  readonly #environment: Environment;
  readonly #authority: CertificateAuthority;
  readonly #logger: Logger;

  constructor(environment: Environment, authority: CertificateAuthority, logger: Logger) {
    this.#environment = environment;
    this.#authority = authority;
    this.#logger = logger;
  }

  /** Signs what is due, and what becomes so. */
  start(): void {
    const { store } = this.#environment;
    for (const { object } of store.list(STORAGE)) void this.#consider(object);
    store.subscribe((events) => {
      for (const event of events) {
        if (event.resource === STORAGE && event.type !== "DELETED") void this.#consider(event.object.object);
      }
    });
  }

  async #consider(object: UnstructuredObject): Promise<void> {
    const request = object as UnstructuredObject & CertificateSigningRequest;
    const { spec, status, metadata } = request;
    if (spec.signerName !== SIGNER_KUBE_APISERVER_CLIENT || status?.certificate !== undefined) return;
    const { conditions } = status ?? {};
    if (
      !isConditionTrue(conditions, "Approved") ||
      isConditionTrue(conditions, "Denied") ||
      isConditionTrue(conditions, "Failed")
    )
      return;
    try {
      await this.#record(metadata.name, metadata.uid, await this.#sign(request));
    } catch (error) {
      this.#logger.warn({ err: error, csr: metadata.name }, "could not sign a CertificateSigningRequest");
    }
  }

  async #sign({ spec }: CertificateSigningRequest): Promise<Signed> {
    const parsed = parseRequest(spec.request);
    if (parsed === undefined) return { failure: "spec.request is not a certificate request" };
    if (!(await parsed.request.verify()))
      return { failure: "the request's signature does not match its key" };
    const forbidden = (spec.usages ?? []).find((usage) => !ALLOWED_USAGES.has(usage));
    if (forbidden !== undefined)
      return { failure: `usage "${forbidden}" is not allowed by ${SIGNER_KUBE_APISERVER_CLIENT}` };
    const wanted = spec.expirationSeconds === undefined ? MAX_LIFETIME_MS : spec.expirationSeconds * 1000;
    const key = await parsed.request.publicKey.export();
    return {
      certificate: await this.#authority.signClient(parsed.subject, key, Math.min(wanted, MAX_LIFETIME_MS)),
    };
  }

  async #record(name: string, uid: string | undefined, signed: Signed): Promise<void> {
    const { store, registry, now } = this.#environment;
    const { group, version, plural } = CertificateSigningRequest;
    const resource = registry.find(group, version, plural);
    if (resource === undefined) return;
    const change = (current: UnstructuredObject): UnstructuredObject => {
      const copy = structuredClone(current) as UnstructuredObject & CertificateSigningRequest;
      if (copy.metadata.uid !== uid) return copy;
      if ("certificate" in signed) {
        copy.status = { ...copy.status, certificate: Buffer.from(signed.certificate).toString("base64") };
      } else {
        const failed = {
          type: "Failed",
          status: "True",
          reason: "SignerValidationFailure",
          message: signed.failure,
        } as const;
        copy.status = { ...copy.status, conditions: withCondition(copy.status?.conditions, failed, now()) };
      }
      return copy;
    };
    await store.write((transaction) =>
      updateObject(
        { resource, namespace: undefined, name, subresource: "status" },
        change,
        systemContext(this.#environment, transaction),
      ),
    );
  }
}

const ALLOWED_USAGES: ReadonlySet<string> = new Set(["digital signature", "key encipherment", "client auth"]);
