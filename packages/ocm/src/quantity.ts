/** Kubernetes quantities as numbers: exact enough for sums over a site's nodes and for scores. */

const FACTORS: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The value of `500m`, `2`, `16Gi`; undefined for what is not a quantity. */
export function parseQuantity(quantity: string | number | undefined): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]{0,2})$/.exec(String(quantity ?? ""));
  const factor = FACTORS[match?.[2] ?? ""];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}

/** The shortest usual form: milli for fractions, Ki for multiples of 1024, else a whole number. */
function formatQuantity(value: number): string {
  if (!Number.isInteger(value)) return `${Math.round(value * 1000)}m`;
  return value >= 1024 && value % 1024 === 0 ? `${value / 1024}Ki` : String(value);
}

/** The sums, by resource, of lists of quantities; what is not a quantity is left out. */
export function sumQuantities(lists: readonly Record<string, string | number>[]): Record<string, string> {
  const sums: Record<string, number> = {};
  for (const list of lists) {
    for (const [resource, quantity] of Object.entries(list)) {
      sums[resource] = (sums[resource] ?? 0) + (parseQuantity(quantity) ?? 0);
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([resource, sum]) => [resource, formatQuantity(sum)]));
}
