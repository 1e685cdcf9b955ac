import { GitError } from "./run-git.ts";

export interface RemoteRef {
  /** Full name: `refs/heads/main`, `refs/tags/v1`, `HEAD`. */
  name: string;
  commit: string;
}

export interface ResolvedRevision {
  commit: string;
  /** The ref to fetch; absent when only the commit is known. */
  ref?: string;
}

const FULL_COMMIT = /^[0-9a-f]{40}$/;
const SHORT_COMMIT = /^[0-9a-f]{7,39}$/;

/** Reads the output of `git ls-remote`; a peeled tag (`^{}`) replaces the tag object. */
export function parseRemoteRefs(output: string): RemoteRef[] {
  const refs = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [commit, name] = line.split("\t");
    if (commit === undefined || name === undefined || !FULL_COMMIT.test(commit)) continue;
    refs.set(name.replace(/\^\{\}$/, ""), commit);
  }
  return [...refs].map(([name, commit]) => ({ name, commit }));
}

/**
 * Resolves a target revision as Argo CD (`util/git/client.go` lsRemote): a full commit as it is, a semantic version range
 * to its highest tag, else a full or short ref in the order of the list, else a short commit.
 * @throws GitError when nothing matches
 */
export function resolveRevision(
  refs: readonly RemoteRef[],
  targetRevision: string | undefined,
): ResolvedRevision {
  const wanted = targetRevision === undefined || targetRevision === "" ? "HEAD" : targetRevision;
  if (FULL_COMMIT.test(wanted)) return { commit: wanted };
  const byVersion = highestTag(refs, wanted);
  const ref = byVersion ?? refs.find(({ name }) => name === wanted || shortName(name) === wanted);
  if (ref !== undefined) return { commit: ref.commit, ref: ref.name };
  if (SHORT_COMMIT.test(wanted)) {
    const tip = refs.find(({ commit }) => commit.startsWith(wanted));
    return tip === undefined ? { commit: wanted } : { commit: tip.commit, ref: tip.name };
  }
  throw new GitError(`unable to resolve '${wanted}' to a commit SHA: no branch or tag of that name`);
}

function shortName(name: string): string {
  return name.replace(/^refs\/(heads|tags|remotes)\//, "");
}

type Version = readonly [major: number, minor: number, patch: number];
type Comparator = (version: Version) => boolean;

/** Exact versions (`v1.2.3`) are tag names, not ranges; only texts with an operator or a wildcard are. */
function highestTag(refs: readonly RemoteRef[], constraint: string): RemoteRef | undefined {
  const comparators = parseConstraint(constraint);
  if (comparators === undefined) return undefined;
  const tags = refs
    .filter(({ name }) => name.startsWith("refs/tags/"))
    .flatMap((ref) => {
      const version = parseVersion(shortName(ref.name));
      return version === undefined || !comparators.every((holds) => holds(version)) ? [] : [{ ref, version }];
    })
    .sort((a, b) => compareVersions(b.version, a.version));
  return tags[0]?.ref;
}

function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?$/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
}

function parseConstraint(text: string): Comparator[] | undefined {
  const parts = text.split(/[\s,]+/).filter((part) => part !== "");
  const comparators = parts.map(parseComparator);
  return comparators.length === 0 || comparators.includes(undefined)
    ? undefined
    : comparators.filter((one) => one !== undefined);
}

function parseComparator(text: string): Comparator | undefined {
  if (text === "*") return () => true;
  const wildcard = /^v?(\d{1,9})(?:\.(\d{1,9}))?\.[x*]$/.exec(text);
  if (wildcard !== null) {
    const [, major, minor] = wildcard;
    return (version) => version[0] === Number(major) && (minor === undefined || version[1] === Number(minor));
  }
  const match = /^(>=|<=|>|<|\^|~)(.+)$/.exec(text);
  const base = parseVersion(match?.[2] ?? "");
  if (match === null || base === undefined) return undefined;
  return (version) => satisfies(compareVersions(version, base), match[1] ?? "", version, base);
}

function satisfies(order: number, operator: string, version: Version, base: Version): boolean {
  if (operator === ">=") return order >= 0;
  if (operator === "<=") return order <= 0;
  if (operator === ">") return order > 0;
  if (operator === "<") return order < 0;
  if (operator === "~") return order >= 0 && version[0] === base[0] && version[1] === base[1];
  return order >= 0 && version[0] === base[0] && (base[0] > 0 || version[1] === base[1]);
}

function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
