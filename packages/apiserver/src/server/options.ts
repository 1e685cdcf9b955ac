import type { Logger } from "pino";
import type { Converters } from "../crd/controller.ts";

export interface ApiServerOptions {
  /** Holds `state.db` and `pki/`; made if missing. */
  readonly dataDir: string;
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly logger: Logger;
  readonly now?: () => Date;
  /** As `Math.random`; for generated names and jitter. */
  readonly random?: () => number;
  /** Names and addresses beside the host and localhost under which clients reach the server. */
  readonly serverNames?: readonly string[];
  /** Addresses for Services, in CIDR form; without it Services get none. */
  readonly serviceCIDR?: string;
  /** The name of the cluster and context in the admin kubeconfig. */
  readonly clusterName?: string;
  /** Where to write the admin kubeconfig (mode 600) once the server answers. */
  readonly kubeconfigFile?: string;
  /**
   * Keeps a ConfigMap `kube-root-ca.crt` in every namespace, as kube-controller-manager does. Default: false, no pod of ours
   * mounts it.
   */
  readonly publishRootCa?: boolean;
  /** Native version converters by group, for kinds whose versions differ in more than their name. */
  readonly converters?: Converters;
  /** Serves `pods/log`; without it logs are answered with a Status that says so. */
  readonly podLogs?: PodLogs;
}

export interface PodLogRequest {
  readonly namespace: string;
  readonly name: string;
  /** Undefined: the only one, or the pod's default container. */
  readonly container: string | undefined;
  readonly options: PodLogOptions;
}

export interface PodLogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly sinceSeconds: number | undefined;
  readonly limitBytes: number | undefined;
}

/** Opens the log of a container. @throws StatusError to be answered, e.g. BadRequest "container is waiting to start" */
export type PodLogs = (request: PodLogRequest, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

/** A running API server. */
export interface ApiServer {
  /** `https://HOST:PORT`. */
  readonly url: string;
  /** The admin's kubeconfig, YAML. */
  readonly kubeconfig: string;
  /** PEM. */
  readonly caCertificate: string;
  /** `sha256:…` of the CA's public key, for join tokens. */
  readonly caPin: string;
  /** Ends watches, finishes what was accepted, closes the database. */
  close(): Promise<void>;
}
