import { matchesLabelSelector } from "@ai-edge/apimachinery";
import type { ConfigurationPolicySpec, Namespace } from "@ai-edge/api";

/** The names of the namespaces that a selector includes (globs and labels, both must hold) and does not exclude. */
export function selectNamespaces(
  selector: ConfigurationPolicySpec["namespaceSelector"],
  namespaces: readonly Namespace[],
): string[] {
  const { include = [], exclude = [], matchLabels, matchExpressions } = selector ?? {};
  const byLabels = matchLabels !== undefined || matchExpressions !== undefined;
  if (include.length === 0 && !byLabels) return [];
  const labelSelector = {
    ...(matchLabels === undefined ? {} : { matchLabels }),
    ...(matchExpressions === undefined ? {} : { matchExpressions }),
  };
  return namespaces
    .filter(({ metadata }) => !byLabels || matchesLabelSelector(labelSelector, metadata.labels ?? {}))
    .map(({ metadata }) => metadata.name)
    .filter((name) => include.length === 0 || include.some((glob) => matchesGlob(glob, name)))
    .filter((name) => !exclude.some((glob) => matchesGlob(glob, name)))
    .sort();
}

/** `*` and `?`, as Go's filepath.Match on names without slashes. Linear: no backtracking over stars. */
function matchesGlob(glob: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let position = 0;
  while (position < name.length) {
    if (glob[at] === "*") {
      star = at;
      at += 1;
      resume = position;
    } else if (at < glob.length && (glob[at] === "?" || glob[at] === name[position])) {
      at += 1;
      position += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      position = resume;
    } else {
      return false;
    }
  }
  return /^\**$/.test(glob.slice(at));
}
