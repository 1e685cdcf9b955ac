import { expect, test } from "vitest";
import { generateName } from "./generate-name.ts";
import {
  validateDns1035Label,
  validateDnsLabel,
  validateDnsSubdomain,
  validateLabelValue,
  validatePathSegmentName,
  validateQualifiedName,
} from "./names.ts";

const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

test.each([
  [validateDnsLabel, "a", []],
  [validateDnsLabel, "a-b-1", []],
  [validateDnsLabel, "A", [LABEL_RULE]],
  [validateDnsLabel, "", [LABEL_RULE]],
  [validateDnsLabel, "a.b", [LABEL_RULE]],
  [validateDnsLabel, "a".repeat(64), ["must be no more than 63 bytes"]],
  [validateDnsSubdomain, "a.b-c.d", []],
  [validateDnsSubdomain, "a..b", [expect.stringContaining("a lowercase RFC 1123 subdomain must consist of")]],
  [validateDnsSubdomain, "a.".repeat(127) + "a", ["must be no more than 253 bytes"]],
  [validateDns1035Label, "a1", []],
  [validateDns1035Label, "1a", [expect.stringContaining("a DNS-1035 label must consist of")]],
  [validateQualifiedName, "app.kubernetes.io/name", []],
  [validateQualifiedName, "My_Name.1", []],
  [
    validateQualifiedName,
    "",
    ["name part must be non-empty", expect.stringContaining("name part must consist of")],
  ],
  [validateQualifiedName, "/a", ["prefix part must be non-empty"]],
  [validateQualifiedName, "UPPER/a", [expect.stringMatching(/^prefix part a lowercase RFC 1123 subdomain/)]],
  [
    validateQualifiedName,
    "a/b/c",
    [expect.stringContaining("with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")],
  ],
  [validateLabelValue, "", []],
  [validateLabelValue, "Value_1.x", []],
  [validateLabelValue, "-a", [expect.stringContaining("a valid label must be an empty string or")]],
  [validatePathSegmentName, "system:node", []],
  [validatePathSegmentName, "..", ["may not be '..'"]],
  [validatePathSegmentName, "a/b%", ["may not contain '/'", "may not contain '%'"]],
])("%o of %j", (validate, value, expected) => {
  expect(validate(value)).toEqual(expected);
});

test("hostile lengths cost nothing", () => {
  expect(validateDnsSubdomain("a".repeat(1_000_000))).toEqual(["must be no more than 253 bytes"]);
});

test("generated names are the prefix, cut to 58 characters, and five random ones", () => {
  expect(generateName("web-", () => 0)).toBe("web-bbbbb");
  expect(generateName("x".repeat(80), () => 0.999)).toBe(`${"x".repeat(58)}99999`);
});
