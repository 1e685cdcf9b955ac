import type { PolicyRule } from "@ai-edge/api";
import type { Attributes } from "./attributes.ts";

/** Whether a rule allows something (`rbac.RuleAllows`). */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!matches(rule.verbs, attributes.verb)) return false;
  if (attributes.path !== undefined)
    return (rule.nonResourceURLs ?? []).some((url) => matchesPath(url, attributes.path));
  const { group, resource, subresource, name } = attributes;
  return (
    matches(rule.apiGroups, group) &&
    matchesResource(rule.resources ?? [], resource, subresource) &&
    ((rule.resourceNames ?? []).length === 0 || (rule.resourceNames ?? []).includes(name))
  );
}

function matches(allowed: readonly string[] | undefined, value: string): boolean {
  return allowed !== undefined && (allowed.includes("*") || allowed.includes(value));
}

function matchesResource(allowed: readonly string[], resource: string, subresource: string): boolean {
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  return allowed.some(
    (one) => one === "*" || one === full || (subresource !== "" && one === `*/${subresource}`),
  );
}

function matchesPath(url: string, path: string): boolean {
  return url === "*" || url === path || (url.endsWith("*") && path.startsWith(url.slice(0, -1)));
}

/** Whether these rules allow all that one rule allows, verb by verb and resource by resource. */
export function rulesCover(owned: readonly PolicyRule[], wanted: PolicyRule): boolean {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = wanted;
  const names = resourceNames.length === 0 ? [""] : resourceNames;
  const covered = (test: (rule: PolicyRule) => boolean): boolean => owned.some(test);
  return verbs.every(
    (verb) =>
      nonResourceURLs.every((url) =>
        covered(
          (rule) =>
            matches(rule.verbs, verb) && (rule.nonResourceURLs ?? []).some((own) => matchesPath(own, url)),
        ),
      ) &&
      apiGroups.every((group) =>
        resources.every((full) =>
          names.every((name) => {
            const [resource = "", subresource = ""] = full.split("/", 2);
            return covered((rule) =>
              ruleAllows(rule, { verb, group, resource, subresource, namespace: "", name }),
            );
          }),
        ),
      ),
  );
}
