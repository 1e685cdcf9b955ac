import { type ObjectKey, isStatus, keyOf } from "@ai-edge/apimachinery";
import { PersistentVolume, PersistentVolumeClaim } from "@ai-edge/api";
import { type Informer, type Manager, type Result, patchStatus } from "@ai-edge/runtime";
import type { ControllerContext } from "../context.ts";

/** How upstream marks volumes that were made for a claim. */
const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";
const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
const PROVISIONER = "aiedge.dev/directory";

export interface VolumeOptions {
  /** The directory of a claim's data on this host; the node agent must use the same. */
  path: (claim: { namespace: string; name: string; uid: string }) => string | Promise<string>;
  /** Called once a claim is gone and its volume is deleted, to remove the directory. */
  remove?: ((path: string) => Promise<void>) | undefined;
}

/** Binds every claim at once to a volume of its own, a directory on this host (what local-path does on k3s). */
export function addVolumeController(
  manager: Manager,
  context: ControllerContext,
  options: VolumeOptions,
): void {
  const claims = manager.informer(PersistentVolumeClaim);
  const volumes = manager.informer(PersistentVolume);
  manager.addController({
    name: "persistentvolumeclaim",
    for: PersistentVolumeClaim,
    owns: [],
    reconcile: (key) => bind(context, options, claims, volumes, key),
  });
  manager.addController({
    name: "persistentvolume",
    for: PersistentVolume,
    filter: ({ metadata }) => metadata.annotations?.[PROVISIONED_BY] === PROVISIONER,
    watches: [{ type: PersistentVolumeClaim, map: (claim: PersistentVolumeClaim) => volumeOf(claim) }],
    reconcile: (key) => reclaim(context, options, volumes, key),
  });
}

async function bind(
  context: ControllerContext,
  options: VolumeOptions,
  claims: Informer<PersistentVolumeClaim>,
  volumes: Informer<PersistentVolume>,
  key: ObjectKey,
): Promise<Result | void> {
  const claim = claims.store.get(key);
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return;
  const { client, events } = context;
  const name = claim.spec.volumeName ?? `pvc-${claim.metadata.uid}`;
  let volume = volumes.store.get({ name });
  if (volume === undefined && claim.spec.volumeName === undefined) {
    volume = await provision(context, options, claim, name);
    events.event(claim, "Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${name}`);
  }
  // A claim that names a volume waits for it, as upstream.
  if (volume === undefined) return;
  if (claim.spec.volumeName !== name) {
    const body = { metadata: { annotations: { [BIND_COMPLETED]: "yes" } }, spec: { volumeName: name } };
    await client.patch(PersistentVolumeClaim, key, { type: "merge", body });
  }
  const status = {
    ...claim.status,
    phase: "Bound" as const,
    accessModes: claim.spec.accessModes ?? [],
    capacity: volume.spec.capacity ?? {},
  };
  await patchStatus(client, PersistentVolumeClaim, claim, { ...claim, status });
  await patchStatus(client, PersistentVolume, volume, {
    ...volume,
    status: { ...volume.status, phase: "Bound" },
  });
}

async function provision(
  { client }: ControllerContext,
  options: VolumeOptions,
  claim: PersistentVolumeClaim,
  name: string,
): Promise<PersistentVolume> {
  const { namespace = "", name: claimName, uid = "" } = claim.metadata;
  const { storageClassName, accessModes = [], volumeMode } = claim.spec;
  try {
    return await client.create(PersistentVolume, {
      metadata: { name, annotations: { [PROVISIONED_BY]: PROVISIONER } },
      spec: {
        capacity: claim.spec.resources?.requests ?? {},
        accessModes,
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: claimName, uid },
        persistentVolumeReclaimPolicy: "Delete",
        hostPath: {
          path: await options.path({ namespace, name: claimName, uid }),
          type: "DirectoryOrCreate",
        },
        ...(storageClassName === undefined ? {} : { storageClassName }),
        ...(volumeMode === undefined ? {} : { volumeMode }),
      },
    });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
    return client.get(PersistentVolume, { name });
  }
}

/** Deletes a volume whose claim is gone. Asks the API server itself: a store that is behind must not cost data. */
async function reclaim(
  { client }: ControllerContext,
  options: VolumeOptions,
  volumes: Informer<PersistentVolume>,
  key: ObjectKey,
): Promise<void> {
  const volume = volumes.store.get(key);
  const { namespace, name, uid } = volume?.spec.claimRef ?? {};
  if (volume === undefined || namespace === undefined || name === undefined) return;
  if (await claimExists({ namespace, name, uid })) return;
  if (volume.spec.persistentVolumeReclaimPolicy !== "Delete") {
    await patchStatus(client, PersistentVolume, volume, { ...volume, status: { phase: "Released" } });
    return;
  }
  await client.delete(PersistentVolume, keyOf(volume)).catch((error: unknown) => {
    if (!isStatus(error, "NotFound")) throw error;
  });
  const path = volume.spec.hostPath?.path;
  if (path !== undefined) await options.remove?.(path);

  async function claimExists(ref: {
    namespace: string;
    name: string;
    uid: string | undefined;
  }): Promise<boolean> {
    try {
      return (await client.get(PersistentVolumeClaim, ref)).metadata.uid === ref.uid;
    } catch (error) {
      if (isStatus(error, "NotFound")) return false;
      throw error;
    }
  }
}

function volumeOf(claim: PersistentVolumeClaim): ObjectKey[] {
  const { volumeName } = claim.spec;
  return volumeName === undefined ? [] : [{ name: volumeName }];
}
