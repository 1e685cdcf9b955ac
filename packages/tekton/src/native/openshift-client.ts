import { Deployment } from "@ai-edge/api";
import { parseDocument } from "yaml";
import {
  applyCandidateDeployment,
  applyCandidateService,
  endCandidate,
  waitForCandidate,
} from "./candidate.ts";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";

/** Scripts of pipelines are read by people. */
const MAX_SCRIPT_CHARS = 64 * 1024;

/**
 * `openshift-client`: of its scripts, the three that upstream's fetch pipelines have: apply a Deployment and wait for
 * it, expose it, and stop it. They are recognised by their `oc` lines, never run by a shell.
 */
export const openshiftClient: NativeTask = {
  name: "openshift-client",
  run: async (call) => {
    const script = call.required("SCRIPT");
    if (script.length > MAX_SCRIPT_CHARS)
      throw new TaskError(`SCRIPT is longer than ${MAX_SCRIPT_CHARS} characters`);
    const handled =
      (await deploy(call, script)) || (await expose(call, script)) || (await stop(call, script));
    if (!handled) {
      const first = script.trim().split("\n")[0] ?? "";
      throw new TaskError(
        `SCRIPT is not run by a shell: only the oc scripts of the fetch pipelines are understood, not ${JSON.stringify(first.slice(0, 80))}. Use the Tasks deploy-model-candidate, expose-model-candidate and stop-model-candidate`,
      );
    }
  },
};

const NAME = "[a-z0-9][a-z0-9.-]*";

async function deploy(call: NativeTaskCall, script: string): Promise<boolean> {
  const pattern = new RegExp(
    String.raw`^\s*cat <<EOF \| oc apply -f -\n([\s\S]*?)\n\s*EOF\n\s*oc wait deployment -n (${NAME}) (${NAME}) --for condition=Available=True --timeout=\d+m\n\s*oc wait pod -n \2 -l app=(\S+) --for condition=Ready=True --timeout=\d+m\s*$`,
  );
  const [, manifest, namespace, name, app] = pattern.exec(script) ?? [];
  if (manifest === undefined || namespace === undefined || name === undefined || app === undefined)
    return false;
  const document = parseDocument(manifest);
  if (document.errors[0] !== undefined)
    throw new TaskError(`SCRIPT applies something that is not YAML: ${document.errors[0].message}`);
  const object: unknown = document.toJS({ maxAliasCount: 0 });
  if (!isDeployment(object)) throw new TaskError("SCRIPT applies something else than a Deployment (apps/v1)");
  const { status: _status, ...deployment } = object;
  delete deployment.metadata.creationTimestamp;
  const image = deployment.spec.template.spec.containers[0]?.image ?? "";
  await applyCandidateDeployment(call, { ...deployment, metadata: { ...deployment.metadata, namespace } });
  await waitForCandidate(call, { namespace, name, app, image });
  return true;
}

function isDeployment(value: unknown): value is Deployment {
  if (typeof value !== "object" || value === null || !("spec" in value) || !("metadata" in value))
    return false;
  if (Reflect.get(value, "kind") !== Deployment.kind || Reflect.get(value, "apiVersion") !== "apps/v1")
    return false;
  const containers: unknown = field(field(field(value.spec, "template"), "spec"), "containers");
  return Array.isArray(containers) && typeof field(value.metadata, "name") === "string";
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

async function expose(call: NativeTaskCall, script: string): Promise<boolean> {
  const pattern = new RegExp(
    String.raw`^oc expose deployment (${NAME}) --port=8080 --target-port=8080 --selector='app=([^']+)' --dry-run=client -o yaml \| +oc apply -f -$`,
  );
  const [, name, app] = pattern.exec(script.trim().replaceAll(/\s+/g, " ")) ?? [];
  if (name === undefined || app === undefined) return false;
  await applyCandidateService(call, { namespace: call.namespace, name, app });
  return true;
}

async function stop(call: NativeTaskCall, script: string): Promise<boolean> {
  const uponEnd = /^\s*if \[ "([^"]*)" == "stop" \]; then$/m.exec(script)?.[1];
  const name = new RegExp(String.raw`^\s*oc scale deployment\.apps/(${NAME}) --replicas=0$`, "m").exec(
    script,
  )?.[1];
  const app = /^\s*oc delete all --selector=app=(\S+)$/m.exec(script)?.[1];
  const known =
    /^(?:if \[ "[^"]*" == "stop" \]; then|oc scale .*|elif \[ "[^"]*" == "(?:delete|keep)" \]; then|oc delete all --selector=\S+|echo "[^"$`\\]*"|else|exit 1|fi|)$/;
  if (uponEnd === undefined || name === undefined || app === undefined) return false;
  if (!script.split("\n").every((line) => known.test(line.trim()))) return false;
  await endCandidate(call, { namespace: call.namespace, name, uponEnd });
  return true;
}
