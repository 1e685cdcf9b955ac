import { type StatusCause, type StatusError, groupResource, statusError } from "@ai-edge/apimachinery";

interface Named {
  readonly group: string;
  readonly plural: string;
}

/** `pods "x" not found`. */
export function notFound(type: Named, name: string): StatusError {
  return statusError("NotFound", `${groupResource(type)} ${quote(name)} not found`, detailsOf(type, name));
}

/** `deployments.apps "x" already exists`. */
export function alreadyExists(type: Named, name: string): StatusError {
  return statusError(
    "AlreadyExists",
    `${groupResource(type)} ${quote(name)} already exists`,
    detailsOf(type, name),
  );
}

/** `Operation cannot be fulfilled on …: cause`. */
export function conflict(type: Named, name: string, cause: string): StatusError {
  const message = `Operation cannot be fulfilled on ${groupResource(type)} ${quote(name)}: ${cause}`;
  return statusError("Conflict", message, detailsOf(type, name));
}

export const MODIFIED =
  "the object has been modified; please apply your changes to the latest version and try again";

/** `Deployment.apps "x" is invalid: spec.selector: Required value`. */
export function invalid(
  type: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): StatusError {
  const problems = causes.map((cause) => `${cause.field ?? "<nil>"}: ${cause.message ?? ""}`);
  const text = problems.length === 1 ? problems[0] : `[${problems.join(", ")}]`;
  const kind = type.group === "" ? type.kind : `${type.kind}.${type.group}`;
  return statusError("Invalid", `${kind} ${quote(name)} is invalid: ${text}`, {
    name,
    ...(type.group === "" ? {} : { group: type.group }),
    kind: type.kind,
    causes: [...causes],
  });
}

/** A cause as `field.Required` makes it. */
export function required(field: string, detail = ""): StatusCause {
  return {
    reason: "FieldValueRequired",
    field,
    message: `Required value${detail === "" ? "" : `: ${detail}`}`,
  };
}

/** A cause as `field.Invalid` makes it. */
export function invalidValue(field: string, value: unknown, detail: string): StatusCause {
  return {
    reason: "FieldValueInvalid",
    field,
    message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
  };
}

/** A cause as `field.NotSupported` makes it. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): StatusCause {
  const list = supported.map((one) => quote(one)).join(", ");
  return {
    reason: "FieldValueNotSupported",
    field,
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`,
  };
}

/** A cause as `field.Forbidden` makes it. */
export function forbiddenField(field: string, detail: string): StatusCause {
  return { reason: "FieldValueForbidden", field, message: `Forbidden: ${detail}` };
}

/** For paths and methods that nothing serves. */
export function unknownPath(): StatusError {
  return statusError("NotFound", "the server could not find the requested resource");
}

export function methodNotAllowed(verb: string, type: Named): StatusError {
  return statusError(
    "MethodNotAllowed",
    `${verb} is not supported on resources of kind "${groupResource(type)}"`,
    {
      ...(type.group === "" ? {} : { group: type.group }),
      kind: type.plural,
    },
  );
}

function detailsOf(type: Named, name: string): { name: string; group?: string; kind: string } {
  return { name, ...(type.group === "" ? {} : { group: type.group }), kind: type.plural };
}

function quote(text: string): string {
  return JSON.stringify(text);
}
