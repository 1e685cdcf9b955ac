/** The part of PromQL that is understood. Durations are milliseconds. */
import type { Matcher } from "../store/matcher.ts";

export type Expression =
  | { kind: "number"; value: number }
  | { kind: "string"; value: string }
  | { kind: "selector"; matchers: Matcher[]; range?: number; offset: number }
  | { kind: "call"; name: string; arguments: Expression[] }
  | {
      kind: "aggregate";
      operator: AggregateOperator;
      by: boolean;
      labels: string[];
      parameter?: Expression;
      of: Expression;
    }
  | { kind: "negate"; of: Expression }
  | {
      kind: "binary";
      operator: BinaryOperator;
      /** Of a comparison: 0 and 1 instead of a filter. */
      bool: boolean;
      left: Expression;
      right: Expression;
    };

export const AGGREGATES = ["sum", "avg", "min", "max", "count", "topk", "bottomk"] as const;
export type AggregateOperator = (typeof AGGREGATES)[number];

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "^" | "==" | "!=" | ">" | "<" | ">=" | "<=";

/** A query that cannot be parsed or answered; the message is shown to the client as `bad_data`. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}
