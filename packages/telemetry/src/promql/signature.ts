/** The functions that are understood and what they take. */

type ArgumentType = "range" | "vector" | "scalar";

export interface Signature {
  types: ArgumentType[];
  /** Fewest arguments. */
  minimum: number;
}

const range: Signature = { types: ["range"], minimum: 1 };
const vector: Signature = { types: ["vector"], minimum: 1 };

export const FUNCTIONS: ReadonlyMap<string, Signature> = new Map<string, Signature>([
  ...["rate", "increase", "irate", "delta", "changes", "resets"].map((name) => [name, range] as const),
  ...["avg", "min", "max", "sum", "count", "last"].map((name) => [`${name}_over_time`, range] as const),
  ...["abs", "ceil", "floor", "sqrt", "ln", "exp", "absent", "scalar"].map((name) => [name, vector] as const),
  ["round", { types: ["vector", "scalar"], minimum: 1 }],
  ["histogram_quantile", { types: ["scalar", "vector"], minimum: 2 }],
  ["vector", { types: ["scalar"], minimum: 1 }],
  ["time", { types: [], minimum: 0 }],
]);
