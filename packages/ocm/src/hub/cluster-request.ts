/** What makes a CertificateSigningRequest one of a managed cluster's agent (upstream: register/csr/approve_reconciler.go). */
import { createHash } from "node:crypto";
import { CertificateSigningRequest, LABEL_CLUSTER_NAME, SIGNER_KUBE_APISERVER_CLIENT } from "@ai-edge/api";
import { clusterGroup, clusterUser, MANAGED_CLUSTERS_GROUP } from "../names.ts";
import { parseCertificateRequest } from "../pki/certificate-request.ts";

export interface ClusterRequest {
  cluster: string;
  agent: string;
  /** Hex SHA-256 of the requested certificate's public key. */
  keyDigest: string;
}

/** A request that claims to be an agent's and is not; the message says why. */
export class InvalidClusterRequestError extends Error {
  override readonly name = "InvalidClusterRequestError";
}

/** True for requests that carry an agent's label and signer and have no decision yet. */
export function isUndecidedClusterRequest(csr: CertificateSigningRequest): boolean {
  const decided = csr.status?.conditions?.some(({ type }) => type === "Approved" || type === "Denied");
  return (
    decided !== true &&
    csr.spec.signerName === SIGNER_KUBE_APISERVER_CLIENT &&
    csr.metadata.labels?.[LABEL_CLUSTER_NAME] !== undefined
  );
}

/**
 * The cluster and agent that a request is for.
 * @throws InvalidClusterRequestError when subject and label do not name exactly one agent of one cluster
 */
export function readClusterRequest(csr: CertificateSigningRequest): ClusterRequest {
  const cluster = csr.metadata.labels?.[LABEL_CLUSTER_NAME] ?? "";
  const request = parse(csr.spec.request);
  const organizations = [...request.organizations].sort();
  const expected = [clusterGroup(cluster), MANAGED_CLUSTERS_GROUP].sort();
  if (organizations.join("\n") !== expected.join("\n")) {
    throw new InvalidClusterRequestError(
      `the certificate must be of the organizations ${expected.join(" and ")}, the request says ${organizations.join(", ") || "none"}`,
    );
  }
  const prefix = clusterUser(cluster, "");
  const agent = request.commonName.slice(prefix.length);
  if (!request.commonName.startsWith(prefix) || agent === "" || agent.includes(":")) {
    throw new InvalidClusterRequestError(
      `the certificate's common name must be ${prefix}<agent>, the request says "${request.commonName}"`,
    );
  }
  return { cluster, agent, keyDigest: createHash("sha256").update(request.publicKey).digest("hex") };
}

function parse(base64: string): ReturnType<typeof parseCertificateRequest> {
  try {
    return parseCertificateRequest(Buffer.from(base64, "base64").toString("utf8"));
  } catch (cause) {
    throw new InvalidClusterRequestError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
