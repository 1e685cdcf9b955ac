import { Application, ARGOCD_NAMESPACE, LABEL_ARGOCD_SECRET_TYPE, Secret } from "@ai-edge/api";
import type { ControllerHandle, Manager } from "@ai-edge/runtime";
import path from "node:path";
import { GitMirror } from "../git/mirror.ts";
import { DifferenceOracle } from "./difference.ts";
import { LiveResources } from "./live-resources.ts";
import { ApplicationReconciler } from "./reconciler.ts";
import { SourceLoader } from "./source-loader.ts";

export interface ApplicationControllerOptions {
  /** Mirrors of Git repositories live in `repos` below. */
  dataDir: string;
  /** The environment that git inherits: HOME, PATH, proxies, `GIT_CONFIG_*`. */
  env: Readonly<Record<string, string | undefined>>;
  /** Where repository Secrets are read, and whose Applications have short tracking names. */
  controlNamespace?: string;
  /** For jitter. */
  random?: () => number;
}

/** Applications reconciled at once; git and dry runs wait, they do not compute. */
const CONCURRENCY = 4;

/**
 * Argo CD's application controller: renders what Git holds, compares it with the cluster, applies and prunes, reports
 * sync and health.
 */
export function applicationController(
  manager: Manager,
  options: ApplicationControllerOptions,
): ControllerHandle {
  const controlNamespace = options.controlNamespace ?? ARGOCD_NAMESPACE;
  const secrets = manager.informer(Secret, {
    namespace: controlNamespace,
    labelSelector: `${LABEL_ARGOCD_SECRET_TYPE} in (repository,repo-creds)`,
  });
  const mirror = new GitMirror({ directory: path.join(options.dataDir, "repos"), env: options.env });
  const live = new LiveResources(manager, (instance) =>
    handle.enqueue(keyOfInstance(instance, controlNamespace)),
  );
  const reconciler = new ApplicationReconciler({
    manager,
    live,
    oracle: new DifferenceOracle(manager.client),
    loader: new SourceLoader(mirror, secrets),
    controlNamespace,
    random: options.random ?? Math.random,
  });
  const handle = manager.addController<Application>({
    name: "application",
    for: Application,
    concurrency: CONCURRENCY,
    reconcile: (key, context) => reconciler.reconcile(key, context),
  });
  secrets.onEvent(({ type }) => {
    if (type === "deleted") return;
    for (const key of reconciler.retryFailedSources()) handle.enqueue(key);
  });
  return handle;
}

/** The inverse of `instanceName`: no name of a namespace holds an underscore. */
function keyOfInstance(instance: string, controlNamespace: string): { namespace: string; name: string } {
  const underscore = instance.indexOf("_");
  if (underscore < 0) return { namespace: controlNamespace, name: instance };
  return { namespace: instance.slice(0, underscore), name: instance.slice(underscore + 1) };
}
