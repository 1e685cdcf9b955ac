import { isStatus } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { UsageError } from "../user-error.ts";
import { CONNECTION_FLAGS, FILE_FLAGS, parseDuration, parseFlags, parseInteger } from "./arguments.ts";
import type { KubectlIO } from "./command.ts";
import { connect } from "./connection.ts";
import { readManifests } from "./manifests.ts";
import { ResourceNames } from "./resources.ts";
import { type Target, keyIn, namedTargets, resourceName, selectedTargets } from "./targets.ts";
import { waitForDeletion } from "./wait.ts";

/** kubectl waits for ever by default; a week is that, and a bound. */
const WAIT_MS = 7 * 24 * 3600 * 1000;

const PROPAGATION = { background: "Background", foreground: "Foreground", orphan: "Orphan" } as const;

const DELETE_FLAGS = {
  ...CONNECTION_FLAGS,
  ...FILE_FLAGS,
  selector: { type: "string", short: "l" },
  all: { type: "boolean" },
  "all-namespaces": { type: "boolean", short: "A" },
  "ignore-not-found": { type: "boolean" },
  cascade: { type: "string", default: "background" },
  "grace-period": { type: "string" },
  force: { type: "boolean" },
  now: { type: "boolean" },
  wait: { type: "string", default: "true" },
  timeout: { type: "string" },
} as const;

/** `delete`: by manifest, name or selector; waits until finalizers are done, as kubectl does. */
export async function runDelete(argv: string[], io: KubectlIO): Promise<void> {
  // `--wait` alone means true, which Node's parser cannot say of an option with a value.
  const flags = argv.map((argument) => (argument === "--wait" ? "--wait=true" : argument));
  const { values, positionals } = parseFlags(flags, DELETE_FLAGS);
  if (positionals.length === 0 && values.filename === undefined && values.kustomize === undefined)
    throw new UsageError(
      "say what to delete: TYPE/NAME, TYPE NAME, TYPE -l SELECTOR, TYPE --all, -f FILE or -k DIR",
    );
  const { client, namespace } = await connect(values, io);
  try {
    const targets =
      values.filename !== undefined || values.kustomize !== undefined
        ? await manifestTargets(client, namespace, values, io)
        : await commandLineTargets(client, namespace, positionals, values, io);
    if (targets.length === 0) io.stderr.write("No resources found\n");
    const deleted: Target[] = [];
    for (const target of targets) {
      if (await deleteOne(client, target, values)) deleted.push(target);
      else continue;
      io.stdout.write(`${kindOf(target)} "${target.key.name}" deleted\n`);
    }
    if (values.wait === "false") return;
    const deadline =
      Date.now() + (values.timeout === undefined ? WAIT_MS : parseDuration(values.timeout, "--timeout"));
    for (const target of deleted) await waitForDeletion(client, target, deadline, io.signal);
  } finally {
    client.close();
  }
}

async function manifestTargets(
  client: Client,
  namespace: string,
  values: {
    filename?: string[] | undefined;
    kustomize?: string | undefined;
    "ignore-not-found"?: boolean | undefined;
  },
  io: KubectlIO,
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const object of await readManifests(values, io)) {
    try {
      const type = await client.resourceFor(object.apiVersion, object.kind);
      targets.push({ type, key: keyIn(type, object.metadata.namespace ?? namespace, object.metadata.name) });
    } catch (error) {
      // Its CRD may have gone first.
      if (!(values["ignore-not-found"] === true && isStatus(error, "NotFound"))) throw error;
    }
  }
  return targets;
}

async function commandLineTargets(
  client: Client,
  namespace: string,
  positionals: readonly string[],
  values: {
    selector?: string | undefined;
    all?: boolean | undefined;
    "all-namespaces"?: boolean | undefined;
  },
  io: KubectlIO,
): Promise<Target[]> {
  const resources = new ResourceNames(client);
  const named = await namedTargets(positionals, resources, namespace);
  if (named !== undefined) return named;
  if (values.selector === undefined && values.all !== true) {
    throw new UsageError("name objects, or give -l SELECTOR or --all");
  }
  const types = await resources.find(positionals[0] ?? "");
  const scope = values["all-namespaces"] === true ? undefined : namespace;
  return selectedTargets(client, types, {
    namespace: scope,
    labelSelector: values.selector,
    signal: io.signal,
  });
}

async function deleteOne(
  client: Client,
  { type, key }: Target,
  values: {
    cascade: string;
    "grace-period"?: string | undefined;
    force?: boolean | undefined;
    now?: boolean | undefined;
    "ignore-not-found"?: boolean | undefined;
  },
): Promise<boolean> {
  const { cascade } = values;
  if (cascade !== "background" && cascade !== "foreground" && cascade !== "orphan") {
    throw new UsageError(`--cascade ${cascade} is none of background, foreground, orphan`);
  }
  const grace = values.force === true ? "0" : values.now === true ? "1" : values["grace-period"];
  try {
    await client.delete(type, key, {
      propagationPolicy: PROPAGATION[cascade],
      ...(grace === undefined ? {} : { gracePeriodSeconds: parseInteger(grace, "--grace-period") }),
    });
    return true;
  } catch (error) {
    if (values["ignore-not-found"] === true && isStatus(error, "NotFound")) return false;
    throw error;
  }
}

/** `deployment.apps`, as kubectl names the kind of what it deleted. */
function kindOf({ type }: Target): string {
  return resourceName({ ...type, plural: type.kind.toLowerCase() });
}
