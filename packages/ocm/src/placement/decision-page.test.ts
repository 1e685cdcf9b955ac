import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DecisionGroup } from "./decision-group.ts";
import { type DecisionPage, PAGE_SIZE, type PageStep, planPages } from "./decision-page.ts";

function apply(pages: readonly DecisionPage[], step: PageStep): DecisionPage[] {
  const number = step.type === "delete" ? step.number : step.page.number;
  const rest = pages.filter((page) => page.number !== number);
  return step.type === "delete" ? rest : [...rest, step.page].sort((a, b) => a.number - b.number);
}

function clustersOf(pages: readonly DecisionPage[]): Set<string> {
  return new Set(pages.flatMap((page) => page.clusters));
}

function group(name: string, index: number, ...clusters: string[]): DecisionGroup {
  return { name, index, clusters };
}

function page(number: number, ...clusters: string[]): DecisionPage {
  return { number, groupName: "", groupIndex: 0, clusters };
}

describe("planPages", () => {
  it.each<[string, DecisionPage[], DecisionGroup[], PageStep[]]>([
    ["makes one empty page for nothing", [], [group("", 0)], [{ type: "write", page: page(1) }]],
    ["does nothing when nothing changed", [page(1, "a", "b")], [group("", 0, "a", "b")], []],
    [
      "adds before it removes",
      [page(1, "a", "b")],
      [group("", 0, "b", "c")],
      [
        { type: "write", page: page(1, "a", "b", "c") },
        { type: "write", page: page(1, "b", "c") },
      ],
    ],
    ["keeps the last page, empty", [page(1, "a")], [group("", 0)], [{ type: "write", page: page(1) }]],
    [
      "moves a cluster into the page of its new group first",
      [page(1, "a", "b")],
      [group("canary", 0, "a"), group("", 1, "b")],
      [
        { type: "write", page: { number: 1, groupName: "canary", groupIndex: 0, clusters: ["a", "b"] } },
        { type: "write", page: { number: 2, groupName: "", groupIndex: 1, clusters: ["b"] } },
        { type: "write", page: { number: 1, groupName: "canary", groupIndex: 0, clusters: ["a"] } },
      ],
    ],
  ])("%s", (_, current, groups, steps) => {
    expect(planPages(current, groups)).toEqual(steps);
  });

  const clusters = fc.uniqueArray(fc.nat({ max: 420 }), { maxLength: 400 });
  const world = fc.tuple(clusters, fc.integer({ min: 1, max: 150 })).map(([numbers, size]) => {
    const names = numbers.map((number) => `edge-${String(number).padStart(4, "0")}`).sort();
    const groups: DecisionGroup[] = [];
    for (let start = 0; start < names.length; start += size) {
      groups.push({
        name: start === 0 ? "first" : "",
        index: groups.length,
        clusters: names.slice(start, start + size),
      });
    }
    return groups.length === 0 ? [group("", 0)] : groups;
  });

  it("no cluster that stays selected is ever missing, and every page keeps its bound", () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 1, maxLength: 4 }), (worlds) => {
        let pages: DecisionPage[] = [];
        for (const groups of worlds) {
          const wanted = new Set(groups.flatMap((one) => one.clusters));
          const staying = [...clustersOf(pages)].filter((name) => wanted.has(name));
          for (const step of planPages(pages, groups)) {
            pages = apply(pages, step);
            const seen = clustersOf(pages);
            expect(staying.filter((name) => !seen.has(name))).toEqual([]);
            expect(Math.max(...pages.map((one) => one.clusters.length))).toBeLessThanOrEqual(PAGE_SIZE);
          }
          for (const { name, index, clusters: members } of groups) {
            const own = pages.filter((one) => one.groupName === name && one.groupIndex === index);
            expect(own.flatMap((one) => one.clusters).sort()).toEqual(members);
          }
          expect(pages.flatMap((one) => one.clusters)).toHaveLength(wanted.size);
          expect(planPages(pages, groups)).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
