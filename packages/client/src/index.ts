export { createClient } from "./client.ts";
export { type Credentials, type CredentialsProvider, credentialsOf } from "./credentials.ts";
export {
  clientFromKubeconfig,
  connectionFromKubeconfig,
  type KubeconfigClientOptions,
} from "./from-kubeconfig.ts";
export {
  formatKubeconfig,
  inClusterKubeconfig,
  type Kubeconfig,
  type KubeconfigCluster,
  type KubeconfigContext,
  KubeconfigError,
  type KubeconfigUser,
  loadKubeconfig,
  makeKubeconfig,
  mergeKubeconfigs,
  parseKubeconfig,
  resolveContext,
  saveKubeconfig,
} from "./kubeconfig.ts";
export type { ConnectionOptions } from "./transport.ts";
export type * from "./types.ts";
