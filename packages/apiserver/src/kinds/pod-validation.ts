import type { Container, PodSpec } from "@ai-edge/api";
import { type StatusCause, validateDnsLabel } from "@ai-edge/apimachinery";
import { invalidValue, notSupported, required } from "../rest/errors.ts";

const RESTART_POLICIES = ["Always", "OnFailure", "Never"];
const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];
const MAX_PORT = 65_535;

/** What is wrong with a pod spec; the mistakes that people make. */
export function validatePodSpec(spec: PodSpec | undefined, path: string): StatusCause[] {
  if (spec?.containers === undefined || spec.containers.length === 0) return [required(`${path}.containers`)];
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  const volumes = new Set((spec.volumes ?? []).map((volume) => volume.name));
  const check = (containers: readonly Container[], field: string): void =>
    containers.forEach((container, index) => {
      const containerPath = `${path}.${field}[${index}]`;
      causes.push(...validateContainer(container, containerPath, volumes));
      if (names.has(container.name)) causes.push(duplicate(`${containerPath}.name`, container.name));
      names.add(container.name);
    });
  check(spec.initContainers ?? [], "initContainers");
  check(spec.containers, "containers");
  const { restartPolicy = "Always" } = spec;
  if (!RESTART_POLICIES.includes(restartPolicy)) {
    causes.push(notSupported(`${path}.restartPolicy`, restartPolicy, RESTART_POLICIES));
  }
  const seen = new Set<string>();
  (spec.volumes ?? []).forEach((volume, index) => {
    if (seen.has(volume.name)) causes.push(duplicate(`${path}.volumes[${index}].name`, volume.name));
    seen.add(volume.name);
  });
  return causes;
}

function validateContainer(container: Container, path: string, volumes: ReadonlySet<string>): StatusCause[] {
  const causes: StatusCause[] = [];
  if ((container.name ?? "") === "") causes.push(required(`${path}.name`));
  else
    causes.push(
      ...validateDnsLabel(container.name).map((message) =>
        invalidValue(`${path}.name`, container.name, message),
      ),
    );
  if ((container.image ?? "") === "") causes.push(required(`${path}.image`));
  const { imagePullPolicy } = container;
  if (imagePullPolicy !== undefined && !PULL_POLICIES.includes(imagePullPolicy)) {
    causes.push(notSupported(`${path}.imagePullPolicy`, imagePullPolicy, PULL_POLICIES));
  }
  (container.ports ?? []).forEach((port, index) => {
    const { containerPort } = port;
    if (containerPort === undefined || containerPort === 0)
      causes.push(required(`${path}.ports[${index}].containerPort`));
    else if (containerPort < 1 || containerPort > MAX_PORT) {
      causes.push(
        invalidValue(
          `${path}.ports[${index}].containerPort`,
          containerPort,
          `must be between 1 and ${MAX_PORT}, inclusive`,
        ),
      );
    }
  });
  (container.volumeMounts ?? []).forEach((mount, index) => {
    if (!volumes.has(mount.name)) {
      const field = `${path}.volumeMounts[${index}].name`;
      causes.push({
        reason: "FieldValueNotFound",
        field,
        message: `Not found: ${JSON.stringify(mount.name)}`,
      });
    }
    if ((mount.mountPath ?? "") === "") causes.push(required(`${path}.volumeMounts[${index}].mountPath`));
  });
  return causes;
}

function duplicate(field: string, value: string): StatusCause {
  return { reason: "FieldValueDuplicate", field, message: `Duplicate value: ${JSON.stringify(value)}` };
}
