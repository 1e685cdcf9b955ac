import type { Digest } from "../digest.ts";
import { ManifestError, type Platform } from "./manifest.ts";

/** image-spec `config.md`: what a container of the image runs with. Names are the specification's. */
export interface ImageConfig {
  created?: string;
  author?: string;
  architecture: string;
  os: string;
  variant?: string;
  config?: ContainerConfig;
  rootfs: { type: "layers"; diff_ids: Digest[] };
  history?: HistoryEntry[];
}

export interface ContainerConfig {
  User?: string;
  ExposedPorts?: Record<string, object>;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  Volumes?: Record<string, object>;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  StopSignal?: string;
  /** Docker's addition, kept because kubelets ignore it and Docker uses it. Durations in nanoseconds. */
  Healthcheck?: {
    Test: string[];
    Interval?: number;
    Timeout?: number;
    StartPeriod?: number;
    Retries?: number;
  };
}

export interface HistoryEntry {
  created?: string;
  created_by?: string;
  comment?: string;
  empty_layer?: boolean;
}

/** A config larger than this is not one that a builder wrote; keeps a hostile one out of memory. */
export const MAX_CONFIG_SIZE = 4 * 1024 * 1024;

/** Reads an image config blob; only the fields that decide how the image runs are checked. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ManifestError("image config: not JSON");
  }
  if (!isImageConfig(value))
    throw new ManifestError("image config: rootfs.diff_ids or config has the wrong shape");
  return value;
}

function isImageConfig(value: unknown): value is ImageConfig {
  if (typeof value !== "object" || value === null || !("rootfs" in value)) return false;
  const { rootfs } = value;
  if (typeof rootfs !== "object" || rootfs === null || !("diff_ids" in rootfs) || !isStrings(rootfs.diff_ids))
    return false;
  if (!("config" in value) || value.config === undefined || value.config === null) return true;
  return typeof value.config === "object" && isContainerConfig(value.config);
}

function isContainerConfig(config: object): boolean {
  return Object.entries(config).every(([name, field]) => {
    if (field === null || field === undefined) return true;
    if (name === "Env" || name === "Entrypoint" || name === "Cmd") return isStrings(field);
    if (name === "Labels") return typeof field === "object" && isStrings(Object.values(field));
    if (name === "User" || name === "WorkingDir") return typeof field === "string";
    return true;
  });
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** The platform that images are built and pulled for: Linux on this machine's architecture, in OCI's (Go's) words. */
export function hostPlatform(architecture: string = process.arch): Platform {
  const names: Record<string, string> = { x64: "amd64", ia32: "386", arm64: "arm64", arm: "arm" };
  return { os: "linux", architecture: names[architecture] ?? architecture };
}
