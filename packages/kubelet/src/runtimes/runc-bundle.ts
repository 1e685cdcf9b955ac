import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { resolveInRoot } from "@ai-edge/oci";

import type { ContainerSpec } from "./runtime.ts";

/** What Docker and CRI-O leave to a container's root: enough to change users and files of its own, nothing of the host. */
const CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
];
const MASKED = [
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/sched_debug",
  "/sys/firmware",
];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A mount of the OCI runtime specification. */
interface RuntimeMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

/**
 * Writes `config.json` (OCI runtime-spec) of a container.
 * @param rootfs the container's own, writable file system
 * @param networkNamespace of the pod's other containers; undefined makes a new one
 */
export async function writeBundle(
  spec: ContainerSpec,
  rootfs: string,
  networkNamespace: string | undefined,
): Promise<void> {
  const hosts = join(spec.directory, "hosts");
  await mkdir(spec.directory, { recursive: true, mode: 0o700 });
  await writeFile(hosts, `127.0.0.1 localhost\n::1 localhost\n${spec.podIP} ${spec.podName}\n`);
  const user = await resolveUser(spec.image.rootfs, spec.image.config.config?.User ?? "");
  const root = user.uid === 0;
  const capabilities = root ? CAPABILITIES : [];
  const namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
  const network =
    networkNamespace === undefined ? { type: "network" } : { type: "network", path: networkNamespace };
  const config = {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user,
      args: spec.argv,
      env: Object.entries({ PATH: DEFAULT_PATH, HOSTNAME: spec.podName, ...spec.env }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      cwd: spec.workingDir ?? "/",
      capabilities: { bounding: CAPABILITIES, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: false },
    hostname: spec.podName,
    mounts: [
      ...SYSTEM_MOUNTS,
      bind(hosts, "/etc/hosts", true),
      ...spec.mounts.map(({ source, target, readOnly }) => bind(source, target, readOnly)),
    ],
    linux: {
      namespaces: [...namespaces, network],
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      resources: { devices: [{ allow: false, access: "rwm" }] },
    },
  };
  // Variables may hold secrets: nobody else reads the file.
  await writeFile(join(spec.directory, "config.json"), JSON.stringify(config), { mode: 0o600 });
}

const SYSTEM_MOUNTS: RuntimeMount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
];

function bind(source: string, destination: string, readOnly: boolean): RuntimeMount {
  return {
    destination,
    type: "bind",
    source,
    options: ["rbind", "rprivate", "nosuid", "nodev", readOnly ? "ro" : "rw"],
  };
}

/** `user[:group]` of an image as numbers, names looked up in the image's own tables. */
async function resolveUser(rootfs: string, text: string): Promise<{ uid: number; gid: number }> {
  const [user = "", group] = text.split(":");
  const passwd = user === "" ? undefined : await row(rootfs, "etc/passwd", user);
  const uid = user === "" ? 0 : /^\d+$/.test(user) ? Number(user) : Number(passwd?.[2] ?? Number.NaN);
  if (Number.isNaN(uid)) throw new Error(`user "${user}" of the image is not in its /etc/passwd`);
  if (group === undefined) return { uid, gid: Number(passwd?.[3] ?? 0) };
  const gid = /^\d+$/.test(group)
    ? Number(group)
    : Number((await row(rootfs, "etc/group", group))?.[2] ?? Number.NaN);
  if (Number.isNaN(gid)) throw new Error(`group "${group}" of the image is not in its /etc/group`);
  return { uid, gid };
}

/** The row of a name, or of a number in the third column. */
async function row(rootfs: string, table: string, key: string): Promise<string[] | undefined> {
  const text = await readFile(await resolveInRoot(rootfs, table), "utf8").catch(() => "");
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .find((columns) => columns[0] === key || columns[2] === key);
}
