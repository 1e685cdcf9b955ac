/** Decides on the certificate requests of managed clusters: join tokens and renewals by themselves, others by hand. */
import { formatTime, isStatus } from "@ai-edge/apimachinery";
import {
  CertificateSigningRequest,
  LABEL_CLUSTER_NAME,
  LABEL_CLUSTER_SET,
  ManagedCluster,
  SubjectAccessReview,
} from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import type { EventRecorder, Manager, ReconcileContext } from "@ai-edge/runtime";
import { ANNOTATION_ACCEPTED_ON, ANNOTATION_CLIENT_URL, clusterUser } from "../names.ts";
import {
  type ClusterRequest,
  InvalidClusterRequestError,
  isUndecidedClusterRequest,
  readClusterRequest,
} from "./cluster-request.ts";
import { isBootstrapUser, useJoinToken } from "./token-use.ts";

export interface CsrApprovalOptions {
  now: () => Date;
  recorder: EventRecorder;
  /** The set of clusters whose token names none. */
  clusterSet: string | undefined;
  leaseDurationSeconds: number;
}

/** Approves what a valid join token or a valid certificate asks for; denies wrong uses of tokens with the reason. */
export function addCsrApprovalController(manager: Manager, options: CsrApprovalOptions): void {
  const approver = new CsrApprover(manager.client, options);
  const informer = manager.informer(CertificateSigningRequest);
  manager.addController({
    name: "csr-approving",
    for: CertificateSigningRequest,
    filter: isUndecidedClusterRequest,
    reconcile: async (key, context) => {
      const csr = informer.store.get(key);
      if (csr !== undefined && isUndecidedClusterRequest(csr)) await approver.decide(csr, context);
    },
  });
}

class CsrApprover {
  readonly #client: Client;
  readonly #options: CsrApprovalOptions;

  constructor(client: Client, options: CsrApprovalOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Approves, denies, or leaves the request to an administrator. */
  async decide(csr: CertificateSigningRequest, context: ReconcileContext): Promise<void> {
    const request = readOrExplain(csr);
    const user = csr.spec.username;
    if (typeof request === "string") {
      if (isBootstrapUser(user)) return this.#deny(csr, "InvalidRequest", request, context);
      context.logger.warn({ reason: request }, "certificate request left for an administrator");
      return;
    }
    if (isBootstrapUser(user)) return this.#decideJoin(csr, user, request, context);
    if (user === clusterUser(request.cluster, request.agent) && (await this.#mayRenew(csr, request))) {
      const message = "Auto approving Managed cluster agent certificate after SubjectAccessReview.";
      return this.#approve(csr, message, context);
    }
    context.logger.info(
      { cluster: request.cluster, user },
      `certificate request waits for an administrator: kubectl certificate approve ${csr.metadata.name}`,
    );
  }

  async #decideJoin(
    csr: CertificateSigningRequest,
    user: string,
    request: ClusterRequest,
    context: ReconcileContext,
  ): Promise<void> {
    const verdict = await useJoinToken(this.#client, user, request, this.#options.now());
    if (!verdict.accepted) return this.#deny(csr, verdict.reason, verdict.message, context);
    await this.#acceptCluster(request.cluster, verdict.clusterSet ?? this.#options.clusterSet, csr);
    await this.#approve(
      csr,
      "Auto approving the certificate of a managed cluster with a valid join token.",
      context,
    );
  }

  async #acceptCluster(name: string, set: string | undefined, csr: CertificateSigningRequest): Promise<void> {
    const url = csr.metadata.annotations?.[ANNOTATION_CLIENT_URL];
    const labels: Record<string, string> = set === undefined ? {} : { [LABEL_CLUSTER_SET]: set };
    const metadata = {
      name,
      labels,
      annotations: { [ANNOTATION_ACCEPTED_ON]: formatTime(this.#options.now()) },
    };
    const spec = {
      hubAcceptsClient: true,
      ...(url === undefined ? {} : { managedClusterClientConfigs: [{ url }] }),
    };
    try {
      await this.#client.create(ManagedCluster, {
        metadata,
        spec: { ...spec, leaseDurationSeconds: this.#options.leaseDurationSeconds },
      });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      // It joins again: an administrator made a token for this name. Its labels and set stay as they are.
      const body = { metadata: { annotations: metadata.annotations }, spec };
      const cluster = await this.#client.patch(ManagedCluster, { name }, { type: "merge", body });
      if (cluster.metadata.deletionTimestamp !== undefined) {
        throw new Error(`ManagedCluster ${name} is still being deleted: its new join waits until it is gone`);
      }
    }
  }

  async #mayRenew(csr: CertificateSigningRequest, request: ClusterRequest): Promise<boolean> {
    const review = await this.#client.create(SubjectAccessReview, {
      metadata: { name: "" },
      spec: {
        user: csr.spec.username ?? "",
        groups: csr.spec.groups ?? [],
        resourceAttributes: {
          group: "register.open-cluster-management.io",
          resource: "managedclusters",
          subresource: "clientcertificates",
          verb: "renew",
          name: request.cluster,
        },
      },
    });
    return review.status?.allowed === true;
  }

  async #approve(
    csr: CertificateSigningRequest,
    message: string,
    { logger }: ReconcileContext,
  ): Promise<void> {
    await this.#record(csr, "Approved", "AutoApprovedByHubCSRApprovingController", message);
    logger.info({ cluster: csr.metadata.labels?.[LABEL_CLUSTER_NAME] }, "certificate request approved");
  }

  async #deny(
    csr: CertificateSigningRequest,
    reason: string,
    message: string,
    { logger }: ReconcileContext,
  ): Promise<void> {
    await this.#record(csr, "Denied", reason, message);
    this.#options.recorder.event(csr, "Warning", reason, message);
    logger.warn(
      { cluster: csr.metadata.labels?.[LABEL_CLUSTER_NAME], user: csr.spec.username, reason },
      message,
    );
  }

  async #record(
    csr: CertificateSigningRequest,
    type: "Approved" | "Denied",
    reason: string,
    message: string,
  ): Promise<void> {
    const time = formatTime(this.#options.now());
    const condition = {
      type,
      status: "True" as const,
      reason,
      message,
      lastUpdateTime: time,
      lastTransitionTime: time,
    };
    const conditions = [...(csr.status?.conditions ?? []), condition];
    await this.#client.update(
      CertificateSigningRequest,
      { ...csr, status: { ...csr.status, conditions } },
      { subresource: "approval" },
    );
  }
}

function readOrExplain(csr: CertificateSigningRequest): ClusterRequest | string {
  try {
    return readClusterRequest(csr);
  } catch (error) {
    if (error instanceof InvalidClusterRequestError) return error.message;
    throw error;
  }
}
