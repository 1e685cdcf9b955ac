import { ANNOTATION_TRACKING_ID, type Application } from "@ai-edge/api";
import { type KubernetesObject, parseApiVersion } from "@ai-edge/apimachinery";

/** One object, whatever its version: what identifies a resource of an Application. */
export interface ResourceRef {
  group: string;
  kind: string;
  /** "" for cluster-scoped objects. */
  namespace: string;
  name: string;
}

/** A text that is equal for equal refs. */
export function refKey({ group, kind, namespace, name }: ResourceRef): string {
  return `${group}/${kind}/${namespace}/${name}`;
}

/** The ref of an object. */
export function refOf(object: KubernetesObject): ResourceRef {
  const { group } = parseApiVersion(object.apiVersion);
  return { group, kind: object.kind, namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** The Application's name in tracking ids: `NS_NAME` outside of the control plane's namespace. */
export function instanceName(app: Application, controlNamespace: string): string {
  const { namespace = "", name } = app.metadata;
  return namespace === controlNamespace ? name : `${namespace}_${name}`;
}

/**
 * The tracking id of a resource: `APP:GROUP/KIND:NAMESPACE/NAME` (`util/argo/resource_tracking.go`).
 * @param namespace the object's, or the destination's for cluster-scoped objects
 */
export function trackingId(instance: string, { group, kind, name }: ResourceRef, namespace: string): string {
  return `${instance}:${group}/${kind}:${namespace}/${name}`;
}

const TRACKING_ID = /^([^:]+):([^/]*)\/([^:]+):([^/]*)\/(.+)$/;

/**
 * The Application that tracks an object, or undefined. An id that was copied from another object (a controller that
 * hands annotations down) does not count.
 */
export function trackingInstance(object: KubernetesObject): string | undefined {
  const id = object.metadata.annotations?.[ANNOTATION_TRACKING_ID];
  const match = id === undefined ? null : TRACKING_ID.exec(id);
  if (match === null) return undefined;
  const [, instance, group, kind, namespace, name] = match;
  const ref = refOf(object);
  const describesIt =
    ref.group === group &&
    ref.kind === kind &&
    ref.name === name &&
    (ref.namespace === "" || ref.namespace === namespace);
  return describesIt ? instance : undefined;
}
