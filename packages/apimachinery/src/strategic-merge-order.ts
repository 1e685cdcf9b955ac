import { isJsonObject } from "./json.ts";

/**
 * Orders a merged list as `normalizeElementOrder` upstream: elements that the patch names stand in the patch's order,
 * the others in the server's; where both kinds meet, the server's order decides, and new elements come first.
 * @param order the elements (or their keys) in the order that the patch wants
 * @param server the list before the patch
 */
export function mergeOrder(
  merged: readonly unknown[],
  order: readonly unknown[],
  server: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf = (element: unknown) =>
    mergeKey !== undefined && isJsonObject(element) ? element[mergeKey] : element;
  const rank = (list: readonly unknown[]) => {
    const ranks = new Map(list.map((element, index) => [rankKey(keyOf(element)), index]));
    return (element: unknown) => ranks.get(rankKey(keyOf(element)));
  };
  const orderRank = rank(order);
  const serverRank = rank(server);
  const named = merged.filter((element) => orderRank(element) !== undefined);
  const others = merged.filter((element) => orderRank(element) === undefined);
  named.sort((a, b) => (orderRank(a) ?? 0) - (orderRank(b) ?? 0));
  others.sort((a, b) => (serverRank(a) ?? Infinity) - (serverRank(b) ?? Infinity) || 0);
  const result: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const left = serverRank(others[0]);
    const right = serverRank(named[0]);
    result.push(left !== undefined && right !== undefined && left < right ? others.shift() : named.shift());
  }
  return [...result, ...named, ...others];
}

function rankKey(key: unknown): string {
  return JSON.stringify(key) ?? "undefined";
}
