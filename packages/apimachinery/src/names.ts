/*
 * Rules for names, labels and label values, with the messages of `k8s.io/apimachinery/pkg/util/validation`.
 * Each function returns the messages of what is wrong: none means valid.
 */
const DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_SUBDOMAIN = `${DNS_LABEL}(\\.${DNS_LABEL})*`;
const DNS_1035_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${QUALIFIED_NAME})?`;

const MAX_LABEL_LENGTH = 63;
const MAX_SUBDOMAIN_LENGTH = 253;

/** A lowercase RFC 1123 label: names of Namespaces, containers, ports. */
export function validateDnsLabel(value: string): string[] {
  const rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return check(value, MAX_LABEL_LENGTH, DNS_LABEL, rule, ["my-name", "123-abc"]);
}

/** A lowercase RFC 1123 subdomain: names of most objects. */
export function validateDnsSubdomain(value: string): string[] {
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return check(value, MAX_SUBDOMAIN_LENGTH, DNS_SUBDOMAIN, rule, ["example.com"]);
}

/** An RFC 1035 label: names of Services. */
export function validateDns1035Label(value: string): string[] {
  const rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
  return check(value, MAX_LABEL_LENGTH, DNS_1035_LABEL, rule, ["my-name", "abc-123"]);
}

/** A name that only has to fit into a URL path: RBAC objects. */
export function validatePathSegmentName(value: string): string[] {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"]
    .filter((character) => value.includes(character))
    .map((character) => `may not contain '${character}'`);
}

/** A qualified name, `[prefix/]name`: keys of labels and annotations, names of finalizers. */
export function validateQualifiedName(value: string): string[] {
  const parts = value.split("/");
  const name = parts.at(-1) ?? "";
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const examples = ["MyName", "my.name", "123-abc"];
  if (parts.length > 2) {
    const text = describe(`a qualified name ${rule}`, QUALIFIED_NAME, examples);
    return [`${text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const messages: string[] = [];
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix === "") messages.push("prefix part must be non-empty");
  else if (prefix !== undefined)
    messages.push(...validateDnsSubdomain(prefix).map((message) => `prefix part ${message}`));
  if (name === "") messages.push("name part must be non-empty");
  else if (name.length > MAX_LABEL_LENGTH) messages.push(`name part ${tooLong(MAX_LABEL_LENGTH)}`);
  if (!matches(name, QUALIFIED_NAME)) messages.push(`name part ${describe(rule, QUALIFIED_NAME, examples)}`);
  return messages;
}

/** The value of a label. */
export function validateLabelValue(value: string): string[] {
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return check(value, MAX_LABEL_LENGTH, LABEL_VALUE, rule, ["MyValue", "my_value", "12345"]);
}

function check(
  value: string,
  maxLength: number,
  pattern: string,
  rule: string,
  examples: string[],
): string[] {
  const messages: string[] = [];
  if (value.length > maxLength) messages.push(tooLong(maxLength));
  if (!matches(value, pattern)) messages.push(describe(rule, pattern, examples));
  return messages;
}

/** Far above every length limit here; keeps hostile input away from the regular expressions. */
const MAX_MATCHED_LENGTH = 1024;

function matches(value: string, pattern: string): boolean {
  return value.length > MAX_MATCHED_LENGTH || new RegExp(`^${pattern}$`).test(value);
}

function tooLong(maxLength: number): string {
  return `must be no more than ${maxLength} bytes`;
}

/** The double space after the comma is upstream's (`RegexError`). */
function describe(rule: string, pattern: string, examples: string[]): string {
  const list = examples.map((example) => `'${example}', `).join(" or ");
  return `${rule} (e.g. ${list}regex used for validation is '${pattern}')`;
}
