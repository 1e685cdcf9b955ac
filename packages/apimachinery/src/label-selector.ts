import { validateLabelValue, validateQualifiedName } from "./names.ts";
import { statusError } from "./status.ts";

/** `meta/v1` LabelSelector: all of it must hold. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

export interface LabelSelectorRequirement {
  key: string;
  operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  values?: string[];
}

/** One comma-separated part of the string form; `Gt` and `Lt` exist only there. */
export interface Requirement {
  key: string;
  operator: LabelSelectorRequirement["operator"] | "Gt" | "Lt";
  values: readonly string[];
}

/** Whether labels satisfy all requirements. A missing label satisfies `NotIn` and `DoesNotExist`. */
export function matchesRequirements(
  requirements: readonly Requirement[],
  labels: Record<string, string> | undefined,
): boolean {
  return requirements.every((requirement) => {
    const value =
      labels !== undefined && Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    return matchesRequirement(requirement, value);
  });
}

function matchesRequirement({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return isInteger(value) && Number(value) > Number(values[0]);
    case "Lt":
      return isInteger(value) && Number(value) < Number(values[0]);
  }
}

function isInteger(value: string | undefined): value is string {
  return value !== undefined && /^[+-]?\d+$/.test(value);
}

/** Whether a LabelSelector selects labels: an absent selector selects nothing, an empty one everything. */
export function matchesLabelSelector(
  selector: LabelSelector | undefined,
  labels: Record<string, string> | undefined,
): boolean {
  return selector !== undefined && matchesRequirements(requirementsOf(selector), labels);
}

/**
 * The requirements of a LabelSelector, checked.
 * @throws StatusError Invalid naming the field, for an unknown operator or values that the operator forbids or lacks
 */
export function requirementsOf(selector: LabelSelector): Requirement[] {
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]) =>
    checked({ key, operator: "In", values: [value] }),
  );
  return [
    ...exact,
    ...(selector.matchExpressions ?? []).map(({ key, operator, values }) =>
      checked({ key, operator, values: values ?? [] }),
    ),
  ];
}

/** The string form of a LabelSelector, for `?labelSelector=`. */
export function formatLabelSelector(selector: LabelSelector): string {
  return requirementsOf(selector)
    .map(({ key, operator, values }) => {
      if (operator === "Exists") return key;
      if (operator === "DoesNotExist") return `!${key}`;
      if (operator === "In" && values.length === 1) return `${key}=${values[0]}`;
      return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
    })
    .join(",");
}

/** Values that one selector may hold; kubectl's longest real selectors have a few dozen. */
const MAX_SELECTOR_LENGTH = 64 * 1024;

/**
 * Parses the string form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1` (`labels.Parse`).
 * @throws StatusError BadRequest saying what was expected where
 */
export function parseLabelSelector(text: string): Requirement[] {
  if (text.length > MAX_SELECTOR_LENGTH) {
    throw statusError("BadRequest", `label selector is longer than ${MAX_SELECTOR_LENGTH} characters`);
  }
  const parser = new Parser(text);
  const requirements: Requirement[] = [];
  if (parser.peek() === undefined) return requirements;
  for (;;) {
    requirements.push(checked(parser.requirement()));
    if (parser.peek() === undefined) return requirements;
    parser.expect(",");
    if (parser.peek() === undefined) throw parser.error("a requirement after the comma");
  }
}

const TOKEN = /\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)/y;
const SYMBOLS = new Set(["==", "!=", "=", "!", "<", ">", "(", ")", ","]);

class Parser {
  readonly #text: string;
  readonly #tokens: string[] = [];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    const token = new RegExp(TOKEN);
    for (let match = token.exec(text); match !== null; match = token.exec(text))
      this.#tokens.push(match[1] ?? "");
  }

  peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  expect(symbol: string): void {
    if (this.peek() !== symbol) throw this.error(`'${symbol}'`);
    this.#next++;
  }

  requirement(): Requirement {
    if (this.#accept("!")) return { key: this.#word("a label key"), operator: "DoesNotExist", values: [] };
    const key = this.#word("a label key");
    const operator = this.peek();
    switch (operator) {
      case undefined:
      case ",":
        return { key, operator: "Exists", values: [] };
      case "=":
      case "==":
      case "!=":
        this.#next++;
        return { key, operator: operator === "!=" ? "NotIn" : "In", values: [this.#optionalWord()] };
      case ">":
      case "<":
        this.#next++;
        return { key, operator: operator === ">" ? "Gt" : "Lt", values: [this.#word("an integer")] };
      case "in":
      case "notin":
        this.#next++;
        return { key, operator: operator === "in" ? "In" : "NotIn", values: this.#values() };
      default:
        throw this.error("one of =, ==, !=, in, notin, <, >");
    }
  }

  error(expected: string): Error {
    const found = this.peek() === undefined ? "the end" : `'${this.peek()}'`;
    return statusError(
      "BadRequest",
      `unable to parse requirement: found ${found}, expected ${expected} in label selector ${JSON.stringify(this.#text)}`,
    );
  }

  #accept(symbol: string): boolean {
    if (this.peek() !== symbol) return false;
    this.#next++;
    return true;
  }

  #word(what: string): string {
    const token = this.peek();
    if (token === undefined || SYMBOLS.has(token)) throw this.error(what);
    this.#next++;
    return token;
  }

  /** `a=` and `a in (b,)` have an empty value. */
  #optionalWord(): string {
    const token = this.peek();
    if (token === undefined || token === "," || token === ")") return "";
    return this.#word("a label value");
  }

  #values(): string[] {
    this.expect("(");
    const values = [this.#optionalWord()];
    while (this.#accept(",")) values.push(this.#optionalWord());
    this.expect(")");
    return [...new Set(values)].sort();
  }
}

function checked(requirement: Requirement): Requirement {
  const { key, values } = requirement;
  const keyErrors = validateQualifiedName(key);
  if (keyErrors.length > 0)
    throw statusError("BadRequest", `label selector: key ${JSON.stringify(key)}: ${keyErrors.join("; ")}`);
  for (const value of values) {
    const errors = validateLabelValue(value);
    if (errors.length > 0)
      throw statusError(
        "BadRequest",
        `label selector: values[${key}]: Invalid value: ${JSON.stringify(value)}: ${errors.join("; ")}`,
      );
  }
  const complaint = operatorComplaint(requirement);
  if (complaint !== undefined)
    throw statusError("BadRequest", `label selector: key ${JSON.stringify(key)}: ${complaint}`);
  return requirement;
}

function operatorComplaint({ operator, values }: Requirement): string | undefined {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined;
    case "Exists":
    case "DoesNotExist":
      return values.length > 0 ? "values set must be empty for exists and does not exist" : undefined;
    case "Gt":
    case "Lt":
      return isInteger(values[0]) ? undefined : "for 'Gt', 'Lt' operators, the value must be an integer";
    default:
      return `${JSON.stringify(operator)} is not a valid label selector operator (In, NotIn, Exists, DoesNotExist)`;
  }
}
