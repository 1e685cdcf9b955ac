import type { NativeTask } from "./native-task.ts";

/** Upstream's rule: lower case, `-` for what is not alphanumeric, `-` or `.`, and none of these two at the ends. */
export function sanitiseObjectName(input: string): string {
  return input
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, "-")
    .replaceAll(/^[.-]+|[.-]+$/g, "");
}

/** A DNS label from an object name: Services and containers may have no dots, and at most 63 characters. */
export function dnsLabel(name: string): string {
  return sanitiseObjectName(name).replaceAll(".", "-").slice(0, 63).replace(/-+$/, "");
}

/** A label value: at most 63 characters, alphanumeric at both ends. */
export function labelValue(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
}

/** `sanitise-object-name` */
export const sanitiseObjectNameTask: NativeTask = {
  name: "sanitise-object-name",
  run: async (call) => {
    const output = sanitiseObjectName(call.required("input-string"));
    call.setResult("output-string", output);
    call.log(output);
  },
};
