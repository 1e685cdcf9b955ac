/**
 * Writes src/protobuf/message-types.ts: the protobuf messages of every kind in k8s.io/api and of the shared ones in
 * k8s.io/apimachinery, read from their interface definitions. The decoder knows more kinds, and newer fields, than the server
 * serves: what a newer client sends is understood, and then checked like any other body.
 *
 *   go mod download k8s.io/api@v0.37.2 k8s.io/apimachinery@v0.37.2
 *   npx node packages/apiserver/scripts/generate-messages.ts "$(go env GOMODCACHE)/k8s.io" v0.37.2
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Go types whose JSON form is not their fields, and scalars; the letters are those of schema/type-table.ts. */
const SPECIAL: Record<string, string> = {
  string: "s",
  bool: "b",
  int32: "i",
  int64: "i",
  int: "i",
  uint32: "i",
  float64: "d",
  "[]byte": "y",
  "resource.Quantity": "q",
  "metav1.Time": "t",
  "metav1.MicroTime": "T",
  "metav1.Duration": "D",
  "metav1.FieldsV1": "f",
  "intstr.IntOrString": "x",
  "runtime.RawExtension": "r",
};
/** `+protobuf.nullable` lists: a message around a list, only in protobuf. */
const LIST_MESSAGES = new Set(["ExtraValue", "AttestationValue", "Verbs"]);
const META = "meta";

interface Package {
  readonly structs: Map<string, string>;
  readonly aliases: Map<string, string>;
  /** Qualifiers and the packages that they stand for. */
  readonly imports: Map<string, string>;
}

const [, , root = "", version = ""] = process.argv;
const packages = new Map<string, Package>();
/** Import paths and names of packages: `k8s.io/api/rbac/v1` is `rbac.authorization.k8s.io/v1`. */
const names = new Map<string, string>();

const apiRoot = join(root, `api@${version}`);
for (const group of readdirSync(apiRoot)) {
  for (const folder of safeList(join(apiRoot, group)).filter((name) =>
    /^v\d+((alpha|beta)\d+)?$/.test(name),
  )) {
    const register = readFileSync(join(apiRoot, group, folder, "register.go"), "utf8");
    const groupName = /GroupName = "([^"]*)"/.exec(register)?.[1] ?? "";
    const name = groupName === "" ? folder : `${groupName}/${folder}`;
    names.set(`k8s.io/api/${group}/${folder}`, name);
    packages.set(name, parsePackage(join(apiRoot, group, folder)));
  }
}
names.set("k8s.io/apimachinery/pkg/apis/meta/v1", META);
packages.set(META, parsePackage(join(root, `apimachinery@${version}`, "pkg/apis/meta/v1")));

function safeList(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function parsePackage(folder: string): Package {
  const result: Package = { structs: new Map(), aliases: new Map(), imports: new Map() };
  for (const file of readdirSync(folder)) {
    if (!file.endsWith(".go") || /^zz_|^generated|_test\.go$|swagger/.test(file)) continue;
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, alias, path = ""] of text.matchAll(/^\s*(?:import )?(\w+)?\s*"(k8s\.io\/[^"]+)"$/gm))
      result.imports.set(alias ?? path.slice(path.lastIndexOf("/") + 1), path);
    for (const [, type = "", body = ""] of text.matchAll(/^type (\w+) struct ?\{(?:\}|\n(.*?)^\})/gms))
      result.structs.set(type, body);
    for (const [, type = "", target = ""] of text.matchAll(/^type (\w+) (?:= )?((?:map|\[|\w)[^\n{]*)$/gm))
      result.aliases.set(type, target.trim());
  }
  return result;
}

/** The fields of a struct that protobuf knows: `name:number:type`. */
function fieldsOf(body: string, home: string): string[] {
  const fields: string[] = [];
  let comment = "";
  for (const line of body.split("\n")) {
    if (line.trim().startsWith("//")) {
      comment += line;
      continue;
    }
    const [, , type = "", tags = ""] = /^\t(?:(\w+)\s+)?([\w.*[\]]+)\s+`(.*)`/.exec(line) ?? [];
    const number = /protobuf:"\w+,(\d+),/.exec(tags)?.[1];
    const [name = "", ...options] = (/json:"([^"]*)"/.exec(tags)?.[1] ?? "").split(",");
    const isInline = name === "" && options.includes("inline");
    const isRequired = !isInline && !options.includes("omitempty") && !/\+optional/.test(comment);
    if (number !== undefined && name !== "-")
      fields.push(`${name}:${number}:${isInline ? "~" : ""}${resolve(type, home)}${isRequired ? "*" : ""}`);
    comment = "";
  }
  return fields;
}

function resolve(type: string, home: string): string {
  const isPointer = type.startsWith("*");
  const plain = isPointer ? type.slice(1) : type;
  const special = SPECIAL[plain] ?? (home === META ? SPECIAL[`metav1.${plain}`] : undefined);
  if (special !== undefined) return `${special}${isPointer ? "^" : ""}`;
  if (plain.startsWith("[]")) return `[${withoutMarks(resolve(plain.slice(2), home))}`;
  const map = /^map\[[^\]]+\](.*)$/.exec(plain);
  if (map !== null) return `{${withoutMarks(resolve(map[1] ?? "", home))}`;
  const [qualifier, local] = plain.includes(".") ? plain.split(".") : [undefined, plain];
  const path = packages.get(home)?.imports.get(qualifier ?? "");
  if (path === "k8s.io/apimachinery/pkg/types") return `s${isPointer ? "^" : ""}`;
  const target = qualifier === undefined ? home : packageOf(qualifier, home);
  const alias = packages.get(target)?.aliases.get(local ?? "");
  if (LIST_MESSAGES.has(local ?? "")) return "L";
  if (alias !== undefined) return resolve(`${isPointer ? "*" : ""}${alias}`, target);
  if (packages.get(target)?.structs.has(local ?? "") !== true)
    throw new Error(`unknown type ${type} in ${home}`);
  return `${target === home ? local : `${target}.${local}`}${isPointer ? "" : "!"}`;
}

function withoutMarks(type: string): string {
  return type.replaceAll(/[!^]/g, "");
}

function packageOf(qualifier: string, home: string): string {
  const path = packages.get(home)?.imports.get(qualifier) ?? "";
  const name = names.get(path);
  if (name === undefined) throw new Error(`unknown package ${qualifier} (${path}) in ${home}`);
  return name;
}

const lines = [...packages].map(([home, { structs }]) => {
  const types = [...structs]
    .filter(([name]) => home !== META || SPECIAL[`metav1.${name}`] === undefined)
    .map(([name, body]) => ({ name, fields: fieldsOf(body, home) }))
    .map(({ name, fields }) => `${name} ${fields.join(" ")}`);
  return `@${home} ${types.join(";")}`;
});
writeFileSync(
  new URL("../src/protobuf/message-types.ts", import.meta.url),
  `/**
 * The protobuf messages of Kubernetes, from the interface definitions of k8s.io/api ${version} (Apache-2.0), written by
 * scripts/generate-messages.ts. A line holds a group version and its types, \`;\` between them; see schema/type-table.ts.
 */
export const MESSAGE_TYPES = \`\n${lines.join("\n")}\n\`;\n`,
);
