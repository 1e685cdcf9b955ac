import type { Application, ApplicationCondition } from "@ai-edge/api";
import type { Comparison } from "./comparison.ts";
import type { LoadedSource } from "./source-loader.ts";
import type { Targets } from "./target.ts";

/** The only cluster that this controller deploys to: its own. */
const IN_CLUSTER_SERVER = "https://kubernetes.default.svc";
const IN_CLUSTER_NAME = "in-cluster";

const SUPPORTED_SYNC_OPTIONS = new Set([
  "CreateNamespace=true",
  "CreateNamespace=false",
  "ServerSideApply=true",
  "PruneLast=true",
  "PruneLast=false",
  "Replace=true",
  "Replace=false",
  "SkipDryRunOnMissingResource=true",
  "PrunePropagationPolicy=foreground",
  "PrunePropagationPolicy=background",
  "PrunePropagationPolicy=orphan",
]);

/** What makes an Application impossible to reconcile, or undefined. */
export function invalidSpec(app: Application): ApplicationCondition | undefined {
  const { server = "", name = "" } = app.spec.destination;
  const invalid = (message: string): ApplicationCondition => ({ type: "InvalidSpecError", message });
  if (server !== "" && name !== "")
    return invalid(`application destination can't have both name and server defined: ${name} ${server}`);
  if (server === "" && name === "") return invalid("destination server missing from app spec");
  const isLocal = server === "" ? name === IN_CLUSTER_NAME : server.replace(/\/$/, "") === IN_CLUSTER_SERVER;
  if (!isLocal) {
    return invalid(
      `destination ${server || name}: only the local cluster (${IN_CLUSTER_SERVER}) can be deployed to; remote sites pull`,
    );
  }
  return undefined;
}

/** What the user should know about the source and its comparison. */
export function sourceConditions(
  app: Application,
  loaded: LoadedSource,
  targets: Targets,
  comparison: Comparison,
): ApplicationCondition[] {
  const conditions: ApplicationCondition[] = [];
  if (loaded.stale !== undefined) {
    conditions.push({
      type: "ComparisonError",
      message: `${loaded.stale}; comparing with revision ${loaded.revision}, fetched before; nothing is pruned meanwhile`,
    });
  }
  for (const resource of targets.repeated) {
    conditions.push({
      type: "RepeatedResourceWarning",
      message: `Resource ${resource} appeared more than once among application resources.`,
    });
  }
  for (const message of comparison.shared) conditions.push({ type: "SharedResourceWarning", message });
  const ignored = [...loaded.warnings];
  for (const hook of targets.hooks) ignored.push(`hook ${hook} is not run: hooks are not supported`);
  for (const option of app.spec.syncPolicy?.syncOptions ?? []) {
    if (!SUPPORTED_SYNC_OPTIONS.has(option))
      ignored.push(`sync option ${option} is not supported and was ignored`);
  }
  for (const rule of app.spec.ignoreDifferences ?? []) {
    if ((rule.jqPathExpressions ?? []).length > 0 || (rule.managedFieldsManagers ?? []).length > 0) {
      ignored.push(`ignoreDifferences for ${rule.kind}: only jsonPointers are supported`);
    }
  }
  for (const message of ignored) conditions.push({ type: "ExcludedResourceWarning", message });
  return conditions;
}
