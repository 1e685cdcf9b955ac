import { Pipeline, PIPELINES_NAMESPACE, Task } from "@ai-edge/api";
import type { PipelineSpec, TaskSpec, TektonRef } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";

/** A reference that leads nowhere; only a change of objects can help. */
export class ResolutionError extends Error {
  override readonly name = "ResolutionError";
}

/** A Task or Pipeline that a reference leads to. */
export interface Resolved<Spec> {
  name: string;
  spec: Spec;
}

/**
 * Finds the Task of a reference: by name in the run's namespace, by the cluster resolver, or by the git resolver for
 * the catalogs of which we ship the tasks (nothing is fetched). A name that the namespace lacks, and the removed kind
 * ClusterTask, lead to the shipped task of that name.
 * @throws ResolutionError
 */
export function resolveTask(client: Client, namespace: string, ref: TektonRef): Promise<Resolved<TaskSpec>> {
  return resolve(client, Task, "Task", namespace, ref);
}

/** Finds the Pipeline of a reference. @throws ResolutionError */
export function resolvePipeline(
  client: Client,
  namespace: string,
  ref: TektonRef,
): Promise<Resolved<PipelineSpec>> {
  return resolve(client, Pipeline, "Pipeline", namespace, ref);
}

async function resolve<Spec, T extends KubernetesObject & { spec: Spec }>(
  client: Client,
  type: ResourceType<T>,
  kind: string,
  namespace: string,
  ref: TektonRef,
): Promise<Resolved<Spec>> {
  const place = placeOf(kind, namespace, ref);
  for (const candidate of place.namespaces) {
    try {
      const object = await client.get(type, { namespace: candidate, name: place.name });
      return { name: place.name, spec: object.spec };
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
  throw new ResolutionError(
    `${kind} "${place.name}" was found in none of the namespaces ${place.namespaces.join(", ")}: apply it, or correct the reference`,
  );
}

function placeOf(kind: string, namespace: string, ref: TektonRef): { name: string; namespaces: string[] } {
  if (ref.resolver === undefined || ref.resolver === "") {
    if (ref.name === undefined || ref.name === "")
      throw new ResolutionError(`the reference to a ${kind} has neither a name nor a resolver`);
    const shipped = namespace === PIPELINES_NAMESPACE ? [] : [PIPELINES_NAMESPACE];
    return {
      name: ref.name,
      namespaces: ref.kind === "ClusterTask" ? [PIPELINES_NAMESPACE] : [namespace, ...shipped],
    };
  }
  const param = (name: string): string => {
    const value = ref.params?.find((entry) => entry.name === name)?.value;
    return typeof value === "string" ? value : "";
  };
  if (ref.resolver === "cluster") {
    if (param("name") === "") throw new ResolutionError('the cluster resolver needs the parameter "name"');
    return { name: param("name"), namespaces: [param("namespace") === "" ? namespace : param("namespace")] };
  }
  if (ref.resolver === "git")
    return { name: catalogName(param("url"), param("pathInRepo")), namespaces: [PIPELINES_NAMESPACE] };
  throw new ResolutionError(
    `resolver "${ref.resolver}" is not supported: use the cluster resolver, or apply the ${kind} and name it`,
  );
}

/** Catalogs whose tasks we ship under their names: OpenShift's and Tekton's own. */
const CATALOGS =
  /^https:\/\/github\.com\/(?:openshift-pipelines\/tektoncd-catalog|tektoncd\/catalog)(?:\.git)?\/?$/;

function catalogName(url: string, path: string): string {
  const name = /^\/?(?:tasks\/task-|task\/)([a-z0-9-]+)\//.exec(path)?.[1];
  if (CATALOGS.test(url) && name !== undefined) return name;
  throw new ResolutionError(
    `the git resolver knows the catalogs openshift-pipelines/tektoncd-catalog and tektoncd/catalog only, not ${url} ${path}: apply the Task and name it`,
  );
}
