import { BUILT_IN_TYPES } from "./built-in-types.ts";

/** How a value is written: scalars by letter, everything else by the name of its message. */
export type ScalarCode = "s" | "b" | "i" | "d" | "y" | "q" | "t" | "T" | "D" | "f" | "x" | "r" | "L";

export interface FieldType {
  /** Lists and maps (with string keys) hold values of the type. */
  readonly container: "list" | "map" | undefined;
  readonly scalar: ScalarCode | undefined;
  /** `package.Type` if it is a message. */
  readonly message: string | undefined;
}

export interface Field {
  /** The JSON name; empty for a message whose fields appear in its parent. */
  readonly name: string;
  /** The protobuf number. */
  readonly number: number;
  readonly type: FieldType;
  /** A Go struct that is no pointer: always there in JSON, if only as `{}`. */
  readonly isValue: boolean;
  readonly isRequired: boolean;
  /** A Go pointer: protobuf writes it only when it is set, so a zero is meant. */
  readonly isPointer: boolean;
}

export interface MessageType {
  readonly name: string;
  /** As in protobuf. */
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
  /** As in JSON: with the fields of inlined messages. */
  readonly byName: ReadonlyMap<string, Field>;
}

const SCALARS = "sbidyqtTDfxrL";

/**
 * Types of built-in kinds, parsed from a generated text when first asked for. A line of the text is a type under a heading
 * `#package`, or `@package` and all types of it with `;` between them.
 */
export class TypeTable {
  /** Lines with all types of a package, until one of them is asked for. */
  readonly #packages = new Map<string, string>();
  readonly #lines = new Map<string, string>();
  readonly #types = new Map<string, MessageType>();

  constructor(text: string = BUILT_IN_TYPES) {
    let home = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("#")) home = line.slice(1);
      else if (line.startsWith("@")) this.#packages.set(line.slice(1, line.indexOf(" ")), line);
      else if (line !== "") this.#lines.set(`${home}.${line.split(" ", 1)[0]}`, line);
    }
  }

  /** A message by its full name: `.Pod`, `apps.Deployment`, `meta.ObjectMeta`; `v1.Pod` where packages are versions. */
  find(name: string): MessageType | undefined {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    this.#unfold(packageOf(name));
    const line = this.#lines.get(name);
    if (line === undefined) return undefined;
    const type = this.#parse(name, line);
    this.#types.set(name, type);
    return type;
  }

  #unfold(home: string): void {
    const line = this.#packages.get(home);
    if (line === undefined) return;
    this.#packages.delete(home);
    for (const type of line.slice(home.length + 2).split(";"))
      this.#lines.set(`${home}.${type.split(" ", 1)[0]}`, type);
  }

  #parse(name: string, line: string): MessageType {
    const home = packageOf(name);
    const [, ...texts] = line.split(" ");
    const fields = texts.filter((text) => text !== "").map((text) => parseField(text, home));
    const byName = new Map<string, Field>();
    for (const field of fields) {
      if (field.name !== "") byName.set(field.name, field);
      else
        for (const inlined of this.find(field.type.message ?? "")?.byName.values() ?? [])
          byName.set(inlined.name, inlined);
    }
    return { name, fields, byNumber: new Map(fields.map((field) => [field.number, field])), byName };
  }
}

/** The package in a type's name; packages may have dots, types have none. */
function packageOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}

/** `replicas:1:i^`, `containers:2:[Container*`, `:1:~ProbeHandler!`. */
function parseField(text: string, home: string): Field {
  const [name = "", number = "", type = ""] = text.split(":");
  const bare = type.replaceAll(/[~[{!*^]/g, "");
  const scalar = bare.length === 1 && SCALARS.includes(bare) ? (bare as ScalarCode) : undefined;
  const container = type.includes("[") ? "list" : type.includes("{") ? "map" : undefined;
  const message = scalar === undefined ? (bare.includes(".") ? bare : `${home}.${bare}`) : undefined;
  return {
    name,
    number: Number(number),
    type: { container, scalar, message },
    isValue: type.includes("!") && container === undefined && name !== "",
    isRequired: type.endsWith("*"),
    isPointer: type.includes("^"),
  };
}

/** The package of the type table that holds a group's kinds. */
export function packageOfGroup(group: string): string {
  return group.split(".", 1)[0] ?? "";
}
