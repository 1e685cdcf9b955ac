import type { ImageConfig } from "@ai-edge/oci";

/** An image on this machine, unpacked and verified. */
export interface LocalImage {
  /** As the pod names it. */
  reference: string;
  /** `repository@sha256:…`: what the pod's status shows as imageID. */
  imageID: string;
  /** Directory of the unpacked layers; shared by all containers of the image, never written to. */
  rootfs: string;
  config: ImageConfig;
}

export interface Mount {
  /** Directory or file on this machine. */
  source: string;
  /** Path in the container. */
  target: string;
  readOnly: boolean;
}

/** Everything that a runtime needs to start one container. */
export interface ContainerSpec {
  /** Unique on this node; names the container's directory. */
  id: string;
  podName: string;
  image: LocalImage;
  /** Entry point with its arguments, image defaults and variables already resolved. */
  argv: string[];
  env: Record<string, string>;
  /** Path in the container; undefined: the image's. */
  workingDir: string | undefined;
  mounts: Mount[];
  podIP: string;
  /** The container's own directory on this machine, for records and scratch. */
  directory: string;
  output: (stream: "stdout" | "stderr", chunk: Buffer) => void;
}

export interface ContainerExit {
  exitCode: number;
  signal: number | undefined;
  /** Why it ended, when the runtime knows more than an exit code (it could not be executed). */
  message?: string;
}

export interface RunningContainer {
  readonly pid: number;
  /** Never rejects. */
  readonly exited: Promise<ContainerExit>;
  /** Signals the container's whole process group; no error if it is gone. */
  kill(signal: NodeJS.Signals): void;
  /** Runs a command inside, for exec probes and hooks. Its output is discarded beyond a few KiB. */
  exec(command: readonly string[], timeoutMs: number): Promise<{ exitCode: number; output: string }>;
}

/** A way to run containers. */
export interface ContainerRuntime {
  /** As in containerID: `process`, `runc`. */
  readonly name: string;
  /** Undefined if it runs this image here, otherwise why not, in words for the pod's status. */
  refuses(image: LocalImage): Promise<string | undefined>;
  /** @throws Error if it cannot be started; the message goes into the pod's status */
  start(spec: ContainerSpec): Promise<RunningContainer>;
  /** Ends what an earlier life of this agent left running. @param directory the container's own directory */
  cleanUp(directory: string): Promise<void>;
}
