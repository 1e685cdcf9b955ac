/** Asking the hub for the agent's client certificate. */
import { X509Certificate } from "node:crypto";
import { generateName, isStatus } from "@ai-edge/apimachinery";
import { CertificateSigningRequest, LABEL_CLUSTER_NAME, SIGNER_KUBE_APISERVER_CLIENT } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import type { Logger } from "pino";
import { ANNOTATION_CLIENT_URL, MANAGED_CLUSTERS_GROUP, clusterGroup, clusterUser } from "../names.ts";
import { createCertificateRequest } from "../pki/certificate-request.ts";
import { type CredentialStore, type PendingRequest, generateKey, readKey } from "./credentials.ts";

/** One watch lasts at most this long; then the request is read again, in case the watch was deaf. */
const WATCH_SECONDS = 30;

/** The hub said no. `reason` is the hub's, for example `JoinTokenUsed`. */
export class JoinRefusedError extends Error {
  override readonly name = "JoinRefusedError";
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface CertificateOptions {
  client: Client;
  store: CredentialStore;
  server: string;
  cluster: string;
  /** The URL of the cluster's own API, for the hub's list. */
  apiUrl?: string | undefined;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * A certificate for a key made here; waits as long as the hub has not decided. A request that was under way before a
 * restart is continued.
 * @throws JoinRefusedError when the hub denies it
 */
export async function requestCertificate(
  options: CertificateOptions,
): Promise<{ certificate: string; key: string }> {
  const { store, server, cluster, logger } = options;
  let pending = await store.loadPending();
  if (pending === undefined || pending.server !== server || pending.cluster !== cluster) {
    pending = { server, cluster, name: generateName(`${cluster}-`, Math.random), key: generateKey() };
    await store.savePending(pending);
  }
  await createRequest(options, pending);
  logger.info({ csr: pending.name, cluster }, "certificate requested, waiting for the hub's approval");
  try {
    return { certificate: await waitForCertificate(options, pending.name), key: pending.key };
  } catch (error) {
    // The next request needs a new name and key: this one has its answer.
    if (error instanceof JoinRefusedError) await store.clearPending();
    throw error;
  }
}

async function createRequest(
  { client, cluster, apiUrl, signal }: CertificateOptions,
  pending: PendingRequest,
): Promise<void> {
  const subject = {
    commonName: clusterUser(cluster),
    organizations: [clusterGroup(cluster), MANAGED_CLUSTERS_GROUP],
  };
  const request = createCertificateRequest(subject, readKey(pending.key));
  const annotations: Record<string, string> = apiUrl === undefined ? {} : { [ANNOTATION_CLIENT_URL]: apiUrl };
  const object = {
    metadata: { name: pending.name, labels: { [LABEL_CLUSTER_NAME]: cluster }, annotations },
    spec: {
      request: Buffer.from(request).toString("base64"),
      signerName: SIGNER_KUBE_APISERVER_CLIENT,
      usages: ["digital signature", "key encipherment", "client auth"],
    },
  };
  try {
    await client.create(CertificateSigningRequest, object, { signal });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
}

async function waitForCertificate({ client, signal }: CertificateOptions, name: string): Promise<string> {
  for (;;) {
    const csr = await client.get(CertificateSigningRequest, { name }, { signal });
    const certificate = decisionOf(csr);
    if (certificate !== undefined) return certificate;
    const events = client.watch(CertificateSigningRequest, {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: csr.metadata.resourceVersion,
      timeoutSeconds: WATCH_SECONDS,
      signal,
    });
    for await (const event of events) {
      if (event.type === "BOOKMARK") continue;
      const decided = decisionOf(event.object);
      if (decided !== undefined) return decided;
    }
    signal.throwIfAborted();
  }
}

/** The certificate if there is one; throws if the request was denied. */
function decisionOf({ status }: CertificateSigningRequest): string | undefined {
  const no = status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
  if (no !== undefined)
    throw new JoinRefusedError(
      no.reason ?? no.type,
      `the hub refuses the join: ${no.message ?? no.reason ?? no.type}`,
    );
  if (status?.certificate === undefined || status.certificate === "") return undefined;
  const pem = Buffer.from(status.certificate, "base64").toString("utf8");
  // Throws for what is not a certificate.
  return new X509Certificate(pem).validTo === "" ? undefined : pem;
}
