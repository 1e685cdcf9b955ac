import path from "node:path";
import type { AppProject, Application, ApplicationCondition } from "@ai-edge/api";
import { normalizeRepositoryUrl } from "../git/credentials.ts";
import type { Target } from "./target.ts";

/** Allows everything, and exists even if nobody made it, as in Argo CD. */
const DEFAULT_PROJECT = "default";

/** What a project forbids of an Application's spec, in Argo CD's words; undefined when nothing. */
export function projectViolation(
  app: Application,
  project: AppProject | undefined,
): ApplicationCondition | undefined {
  const name = app.spec.project === "" ? DEFAULT_PROJECT : app.spec.project;
  const invalid = (message: string): ApplicationCondition => ({ type: "InvalidSpecError", message });
  if (project === undefined) {
    if (name === DEFAULT_PROJECT) return undefined;
    return invalid(`Application referencing project ${name} which does not exist`);
  }
  const { sourceRepos = [], destinations = [] } = project.spec;
  const repository = app.spec.source?.repoURL ?? "";
  const url = normalizeRepositoryUrl(repository);
  const isRepoAllowed = decide(
    sourceRepos,
    (pattern) => pattern === "*" || matches(normalizeRepositoryUrl(pattern), url),
  );
  if (!isRepoAllowed) return invalid(`application repo ${repository} is not permitted in project '${name}'`);
  const { server = "", name: cluster = "", namespace = "" } = app.spec.destination;
  const isDestinationAllowed = destinations.some(
    (allowed) =>
      (matches(allowed.server ?? "", server) || (cluster !== "" && matches(allowed.name ?? "", cluster))) &&
      matches(allowed.namespace ?? "", namespace),
  );
  if (isDestinationAllowed) return undefined;
  return invalid(
    `application destination server '${server || cluster}' and namespace '${namespace}' do not match any of the allowed destinations in project '${name}'`,
  );
}

/** The first target whose kind a project forbids, told as a condition. */
export function forbiddenKind(
  targets: readonly Target[],
  project: AppProject | undefined,
): ApplicationCondition | undefined {
  if (project === undefined) return undefined;
  const {
    clusterResourceWhitelist,
    clusterResourceBlacklist = [],
    namespaceResourceWhitelist,
    namespaceResourceBlacklist = [],
  } = project.spec;
  for (const { ref } of targets) {
    const isNamespaced = ref.namespace !== "";
    const allowed = isNamespaced ? namespaceResourceWhitelist : (clusterResourceWhitelist ?? []);
    const denied = isNamespaced ? namespaceResourceBlacklist : clusterResourceBlacklist;
    const isIn = (list: readonly { group: string; kind: string }[]) =>
      list.some(({ group, kind }) => matches(group, ref.group) && matches(kind, ref.kind));
    if ((allowed === undefined || isIn(allowed)) && !isIn(denied)) continue;
    return {
      type: "InvalidSpecError",
      message: `resource ${ref.group}:${ref.kind} (${ref.name}) is not permitted in project ${project.metadata.name}`,
    };
  }
  return undefined;
}

/** Patterns that start with `!` forbid, whatever others allow. */
function decide(patterns: readonly string[], holds: (pattern: string) => boolean): boolean {
  if (patterns.some((pattern) => pattern.startsWith("!") && holds(pattern.slice(1)))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && holds(pattern));
}

/** Globs without path semantics in names; in URLs `*` stops at `/` unless it stands alone. */
function matches(pattern: string, value: string): boolean {
  return pattern === "*" || pattern === value || (pattern !== "" && path.posix.matchesGlob(value, pattern));
}
