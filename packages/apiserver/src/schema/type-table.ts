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

/** The types of the built-in kinds, parsed from the generated text when first asked for. */
export class TypeTable {
  readonly #lines = new Map<string, string>();
  readonly #types = new Map<string, MessageType>();

  constructor(text: string = BUILT_IN_TYPES) {
    let home = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("#")) home = line.slice(1);
      else if (line !== "") this.#lines.set(`${home}.${line.split(" ", 1)[0]}`, line);
    }
  }

  /** A message by its full name: `.Pod`, `apps.Deployment`, `meta.ObjectMeta`. */
  find(name: string): MessageType | undefined {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const line = this.#lines.get(name);
    if (line === undefined) return undefined;
    const type = this.#parse(name, line);
    this.#types.set(name, type);
    return type;
  }

  #parse(name: string, line: string): MessageType {
    const home = name.slice(0, name.indexOf("."));
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

/** `replicas:1:i`, `containers:2:[Container*`, `:1:~ProbeHandler!`. */
function parseField(text: string, home: string): Field {
  const [name = "", number = "", type = ""] = text.split(":");
  const bare = type.replaceAll(/[~[{!*]/g, "");
  const scalar = bare.length === 1 && SCALARS.includes(bare) ? (bare as ScalarCode) : undefined;
  const container = type.includes("[") ? "list" : type.includes("{") ? "map" : undefined;
  const message = scalar === undefined ? (bare.includes(".") ? bare : `${home}.${bare}`) : undefined;
  return {
    name,
    number: Number(number),
    type: { container, scalar, message },
    isValue: type.includes("!") && container === undefined && name !== "",
    isRequired: type.endsWith("*"),
  };
}

/** The package of the type table that holds a group's kinds. */
export function packageOfGroup(group: string): string {
  return group.split(".", 1)[0] ?? "";
}
