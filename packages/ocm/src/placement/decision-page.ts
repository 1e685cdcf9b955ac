/**
 * PlacementDecision pages. Upstream patches them one after the other, so that a cluster that moves from one page to
 * another is in none for a moment, and its workloads are removed (ocm#1346). Here clusters keep their page, and
 * changes are ordered: new pages, then additions, removals, and last the surplus pages. A cluster that is selected
 * before and after is in some page at every moment; for a moment it may be in two.
 */
import type { DecisionGroup } from "./decision-group.ts";

/** Upstream's `maxNumOfClusterDecisions`. */
export const PAGE_SIZE = 100;

export interface DecisionPage {
  /** n of `<placement>-decision-<n>`, from 1. */
  number: number;
  groupName: string;
  groupIndex: number;
  /** Sorted. */
  clusters: readonly string[];
}

/** One write: the page as it shall be, or its removal. */
export type PageStep = { type: "write"; page: DecisionPage } | { type: "delete"; number: number };

/** The writes, in order, that lead from the pages that exist to those that say what the groups say. */
export function planPages(current: readonly DecisionPage[], groups: readonly DecisionGroup[]): PageStep[] {
  const target = assignPages(current, groups);
  const before = new Map(current.map((page) => [page.number, page]));
  const wanted = new Map(target.map((page) => [page.number, page]));
  const steps: PageStep[] = [];
  for (const page of target) {
    const old = before.get(page.number);
    const clusters = union(old?.clusters ?? [], page.clusters);
    // The labels change with the additions: from then on the page speaks for its new group.
    if (old === undefined || !isSame(old, { ...page, clusters }))
      steps.push({ type: "write", page: { ...page, clusters } });
  }
  for (const page of target) {
    const old = before.get(page.number);
    if (old !== undefined && union(old.clusters, page.clusters).length > page.clusters.length)
      steps.push({ type: "write", page });
  }
  for (const { number } of current) if (!wanted.has(number)) steps.push({ type: "delete", number });
  return steps;
}

/** The pages as they shall be: every cluster stays in its page as long as that page is of its group. */
function assignPages(current: readonly DecisionPage[], groups: readonly DecisionGroup[]): DecisionPage[] {
  const pages: DecisionPage[] = [];
  const free = current.toSorted((a, b) => a.number - b.number);
  let next = 1;
  const numberOfNew = (): number => {
    const taken = (number: number): boolean => [...current, ...pages].some((page) => page.number === number);
    while (taken(next)) next += 1;
    return next;
  };
  for (const group of groups) {
    const label = { groupName: group.name, groupIndex: group.index };
    const left = new Set(group.clusters);
    const needed = Math.max(1, Math.ceil(group.clusters.length / PAGE_SIZE));
    const own = takeBest(free, group, needed);
    for (const page of own) {
      const kept = page.clusters.filter((cluster) => left.delete(cluster));
      pages.push({ number: page.number, ...label, clusters: kept });
    }
    const slots = pages.slice(pages.length - own.length);
    for (const slot of slots) {
      const old = own.find((page) => page.number === slot.number);
      // While additions and old entries share the page it may not be longer than a page either.
      const room = PAGE_SIZE - Math.max(slot.clusters.length, old?.clusters.length ?? 0);
      const added = [...left].slice(0, room);
      for (const cluster of added) left.delete(cluster);
      pages[pages.indexOf(slot)] = { ...slot, clusters: [...slot.clusters, ...added].sort() };
    }
    while (left.size > 0) {
      const clusters = [...left].slice(0, PAGE_SIZE);
      for (const cluster of clusters) left.delete(cluster);
      pages.push({ number: numberOfNew(), ...label, clusters: clusters.sort() });
    }
    if (own.length === 0 && group.clusters.length === 0)
      pages.push({ number: numberOfNew(), ...label, clusters: [] });
  }
  return pages;
}

/** Takes from `free` the pages that hold most of a group's clusters, so that few move; at most as many as it needs. */
function takeBest(free: DecisionPage[], group: DecisionGroup, count: number): DecisionPage[] {
  const members = new Set(group.clusters);
  const share = (page: DecisionPage): number =>
    page.clusters.filter((cluster) => members.has(cluster)).length;
  const same = (page: DecisionPage): number =>
    page.groupName === group.name && page.groupIndex === group.index ? 1 : 0;
  const best = free
    .toSorted((a, b) => share(b) - share(a) || same(b) - same(a) || a.number - b.number)
    .filter((page) => share(page) > 0 || same(page) > 0 || group.clusters.length === 0)
    .slice(0, count);
  for (const page of best) free.splice(free.indexOf(page), 1);
  return best.toSorted((a, b) => a.number - b.number);
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

function isSame(a: DecisionPage, b: DecisionPage): boolean {
  return (
    a.groupName === b.groupName &&
    a.groupIndex === b.groupIndex &&
    a.clusters.join("\n") === b.clusters.join("\n")
  );
}
