/** Evaluates ConfigurationPolicies at the managed cluster: at every change of what they are about, and now and then. */
import { type ObjectKey, formatKey, formatTime, parseKey } from "@ai-edge/apimachinery";
import { type ComplianceState, ConfigurationPolicy, Namespace } from "@ai-edge/api";
import { type Manager, patchStatus } from "@ai-edge/runtime";
import { edgeObjects } from "../work/edge-objects.ts";
import { type TemplateResult, evaluateTemplate } from "./evaluate.ts";
import { selectNamespaces } from "./namespace-selector.ts";

/** Upstream's bounds. */
const MAX_HISTORY = 10;
const MAX_MESSAGE_LENGTH = 4096;
const RESYNC_MS = 60_000;

/** Runs the evaluation of configuration policies. Deleting one never deletes objects (`pruneObjectBehavior` None). */
export function addConfigurationPolicyController(edge: Manager): void {
  const policies = edge.informer(ConfigurationPolicy);
  const namespaces = edge.informer(Namespace);
  const objects = edgeObjects(edge, (key) => handle.enqueue(parseKey(key)));
  const handle = edge.addController({
    name: "configuration-policy",
    for: ConfigurationPolicy,
    resyncPeriod: RESYNC_MS,
    watches: [{ type: Namespace, map: () => policies.store.list().filter(selects).map(keyOfPolicy) }],
    reconcile: async (key) => {
      const policy = policies.store.get(key);
      if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) {
        objects.follow(formatKey(key), []);
        return;
      }
      const enforce = policy.spec.remediationAction.toLowerCase() === "enforce";
      const selected = selectNamespaces(policy.spec.namespaceSelector, namespaces.store.list());
      const results: TemplateResult[] = [];
      for (const template of policy.spec["object-templates"] ?? []) {
        results.push(await evaluateTemplate(edge.client, template, selected, enforce));
      }
      results.push(...unsupported(policy));
      const followed = results.flatMap((result) => result.objects);
      objects.follow(formatKey(key), followed);
      // Opens the watches, so that the next change is seen.
      for (const { type, key: object } of followed) await objects.get(type, object);
      const after = { ...policy, status: statusOf(policy, results, edge.now()) };
      await patchStatus(edge.client, ConfigurationPolicy, policy, after);
    },
  });
}

function statusOf(
  policy: ConfigurationPolicy,
  results: readonly TemplateResult[],
  now: Date,
): NonNullable<ConfigurationPolicy["status"]> {
  const compliant: ComplianceState = results.some((result) => result.compliant !== "Compliant")
    ? "NonCompliant"
    : "Compliant";
  const message = `${compliant}; ${results.map((result) => result.message).join("; ")}`.slice(
    0,
    MAX_MESSAGE_LENGTH,
  );
  const before = policy.status;
  const isNews = before?.history?.[0]?.message !== message;
  const history = isNews
    ? [{ lastTimestamp: formatTime(now), message }, ...(before?.history ?? [])].slice(0, MAX_HISTORY)
    : (before?.history ?? []);
  return {
    compliant,
    compliancyDetails: results.map((result, index) => {
      const previous = before?.compliancyDetails?.[index]?.conditions?.[0];
      const unchanged = previous?.message === result.message && previous.lastTransitionTime !== undefined;
      const lastTransitionTime = unchanged ? previous.lastTransitionTime : formatTime(now);
      const condition = {
        type: result.compliant === "Compliant" ? "notification" : "violation",
        status: "True" as const,
        reason: result.reason,
        message: result.message,
      };
      return {
        Compliant: result.compliant,
        conditions: [{ ...condition, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) }],
      };
    }),
    relatedObjects: results.flatMap((result) => result.related),
    lastEvaluated: isNews || before?.lastEvaluated === undefined ? formatTime(now) : before.lastEvaluated,
    ...(policy.metadata.generation === undefined
      ? {}
      : { lastEvaluatedGeneration: policy.metadata.generation }),
    history,
  };
}

/** What of a policy would be ignored otherwise. */
function unsupported({ spec }: ConfigurationPolicy): TemplateResult[] {
  const complaints: string[] = [];
  if (spec["object-templates-raw"] !== undefined)
    complaints.push("object-templates-raw is not supported; use object-templates");
  if (spec.pruneObjectBehavior !== undefined && spec.pruneObjectBehavior !== "None") {
    complaints.push(
      `pruneObjectBehavior ${spec.pruneObjectBehavior} is not supported: objects stay when the policy goes`,
    );
  }
  return complaints.map((complaint) => ({
    compliant: "NonCompliant",
    reason: "Unsupported",
    message: `violation - ${complaint}`,
    related: [],
    objects: [],
  }));
}

function selects({ spec }: ConfigurationPolicy): boolean {
  return spec.namespaceSelector !== undefined;
}

function keyOfPolicy({ metadata: { namespace = "", name } }: ConfigurationPolicy): ObjectKey {
  return { namespace, name };
}
