import { statusError } from "@ai-edge/apimachinery";

export type OutputForm = "object" | "table" | "metadata";

/** How to answer, as the Accept header asks. */
export interface Output {
  readonly media: "json" | "yaml";
  readonly form: OutputForm;
  /** The meta.k8s.io version of a Table or PartialObjectMetadata. */
  readonly version: string;
}

export interface AcceptedType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Clients send a handful; more is abuse. */
const MAX_TYPES = 32;

const PLAIN: Output = { media: "json", form: "object", version: "v1" };
const FORMS: Record<string, OutputForm> = {
  Table: "table",
  PartialObjectMetadata: "metadata",
  PartialObjectMetadataList: "metadata",
};

/** The media types of an Accept header, most wanted first. */
export function parseAccept(header: string | undefined): AcceptedType[] {
  return (header ?? "*/*")
    .split(",", MAX_TYPES)
    .map((part) => parseMediaType(part))
    .toSorted((a, b) => b.quality - a.quality);
}

/** One media type with its parameters: `application/json;as=Table;v=v1`. */
export function parseMediaType(text: string): AcceptedType {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part) => {
      const [key = "", value = ""] = part.split("=", 2);
      return [key.toLowerCase(), value.replaceAll('"', "")] as const;
    }),
  );
  const quality = Number(parameters.get("q") ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}

/**
 * The best form that we can answer in. JSON is the answer to a wish for protobuf too: every client decodes it.
 * @throws StatusError NotAcceptable
 */
export function negotiate(header: string | undefined, allowed: readonly OutputForm[]): Output {
  for (const { type, parameters, quality } of parseAccept(header)) {
    if (quality <= 0) continue;
    const media = mediaOf(type);
    if (media === undefined) continue;
    const as = parameters.get("as");
    if (as === undefined) return { ...PLAIN, media };
    const form = FORMS[as];
    const version = parameters.get("v") ?? "v1";
    if (form !== undefined && allowed.includes(form) && parameters.get("g") === "meta.k8s.io") {
      if (version === "v1" || version === "v1beta1") return { media, form, version };
    }
  }
  throw statusError(
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

function mediaOf(type: string): "json" | "yaml" | undefined {
  switch (type) {
    case "application/json":
    case "application/*":
    case "*/*":
    // Clients that ask for protobuf alone read the Content-Type; client-go always lists JSON too.
    case "application/vnd.kubernetes.protobuf":
      return "json";
    case "application/yaml":
      return "yaml";
    default:
      return undefined;
  }
}
