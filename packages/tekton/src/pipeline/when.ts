import type { WhenExpression } from "@ai-edge/api";

/** Whether a `when` expression holds; its variables have been replaced. An unknown operator holds never. */
export function whenHolds(expression: WhenExpression): boolean {
  const found = (expression.values ?? []).includes(expression.input ?? "");
  if (expression.operator === "in") return found;
  return expression.operator === "notin" && !found;
}
