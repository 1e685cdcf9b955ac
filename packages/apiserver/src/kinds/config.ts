import {
  type ConfigMap,
  type PersistentVolumeClaim,
  SECRET_TYPE_DOCKER_CONFIG_JSON,
  SECRET_TYPE_OPAQUE,
  SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
  SECRET_TYPE_TLS,
  type Secret,
} from "@ai-edge/api";
import { type StatusCause, deepEqual, isJsonObject } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";
import { forbiddenField, invalidValue, required } from "../rest/errors.ts";

/** `MaxSecretSize`. */
const MAX_DATA_BYTES = 1024 * 1024;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;

/** Keys that a Secret of a type must have. */
const REQUIRED_KEYS: Record<string, readonly string[]> = {
  [SECRET_TYPE_DOCKER_CONFIG_JSON]: [".dockerconfigjson"],
  [SECRET_TYPE_TLS]: ["tls.crt", "tls.key"],
};

export const secretStrategy: Strategy<Secret> = {
  applyDefaults(secret) {
    secret.type ??= SECRET_TYPE_OPAQUE;
    if (secret.stringData === undefined) return;
    const folded = Object.entries(secret.stringData).map(([key, value]) => [
      key,
      Buffer.from(value).toString("base64"),
    ]);
    secret.data = { ...secret.data, ...Object.fromEntries(folded) };
    delete secret.stringData;
  },
  validate(secret, old) {
    const { data = {}, type = SECRET_TYPE_OPAQUE } = secret;
    const causes = validateKeys(data);
    for (const key of REQUIRED_KEYS[type] ?? [])
      if (data[key] === undefined) causes.push(required(`data[${key}]`));
    const config = data[".dockerconfigjson"];
    if (type === SECRET_TYPE_DOCKER_CONFIG_JSON && config !== undefined && !isJson(config)) {
      causes.push(invalidValue("data[.dockerconfigjson]", "<secret contents redacted>", "must be JSON"));
    }
    if (
      type === SECRET_TYPE_SERVICE_ACCOUNT_TOKEN &&
      secret.metadata.annotations?.["kubernetes.io/service-account.name"] === undefined
    ) {
      causes.push(required("metadata.annotations[kubernetes.io/service-account.name]"));
    }
    if (old !== undefined && (old.type ?? SECRET_TYPE_OPAQUE) !== type)
      causes.push(invalidValue("type", type, "field is immutable"));
    if (old?.immutable === true && !deepEqual(old.data ?? {}, data)) {
      causes.push(forbiddenField("data", "field is immutable when `immutable` is set"));
    }
    return causes;
  },
};

export const configMapStrategy: Strategy<ConfigMap> = {
  validate(configMap, old) {
    const { data = {}, binaryData = {} } = configMap;
    const causes = [...validateKeys(data), ...validateKeys(binaryData)];
    if (old?.immutable === true && !deepEqual([old.data ?? {}, old.binaryData ?? {}], [data, binaryData])) {
      causes.push(forbiddenField("data", "field is immutable when `immutable` is set"));
    }
    return causes;
  },
};

export const claimStrategy: Strategy<PersistentVolumeClaim> = {
  applyDefaults({ spec }) {
    if (spec !== undefined) spec.volumeMode ??= "Filesystem";
  },
  prepareForCreate(claim) {
    claim.status = { phase: "Pending" };
  },
  validate({ spec }) {
    const causes: StatusCause[] = [];
    if (!Array.isArray(spec?.accessModes) || spec.accessModes.length === 0) {
      causes.push(required("spec.accessModes", "at least 1 access mode is required"));
    }
    if (spec?.resources?.requests?.["storage"] === undefined)
      causes.push(required("spec.resources[storage]"));
    return causes;
  },
};

function validateKeys(data: Record<string, string>): StatusCause[] {
  const causes: StatusCause[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    size += value.length;
    if (!KEY.test(key) || key === "." || key === "..") {
      causes.push(
        invalidValue(
          `data[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        ),
      );
    }
  }
  // The bound upstream is on decoded bytes; base64 is a third longer.
  if (size > MAX_DATA_BYTES * 1.4) {
    causes.push({
      reason: "FieldValueTooLong",
      field: "data",
      message: `Too long: may not be more than ${MAX_DATA_BYTES} bytes`,
    });
  }
  return causes;
}

function isJson(base64: string): boolean {
  try {
    return isJsonObject(JSON.parse(Buffer.from(base64, "base64").toString()));
  } catch {
    return false;
  }
}
