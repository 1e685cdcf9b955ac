import type { Pod } from "@ai-edge/api";
import type { Logger } from "pino";

import type { ContainerRuntime, LocalImage } from "../runtimes/runtime.ts";
import type { BackoffSettings } from "./backoff-schedule.ts";
import type { PodFacts } from "./environment.ts";
import type { ReferenceReader } from "./references.ts";
import type { VolumeOptions } from "./volumes.ts";

/** Gives images that are on this machine, pulling them first where the policy says so. */
export interface ImageSource {
  /** @throws ImagePullError, ImageNeverPullError */
  ensure(request: {
    reference: string;
    policy: "Always" | "IfNotPresent" | "Never" | undefined;
    pod: Pod;
    signal: AbortSignal;
  }): Promise<LocalImage>;
}

/** What all pods of a node share. */
export interface NodeContext {
  nodeName: string;
  hostIP: string;
  images: ImageSource;
  references: ReferenceReader;
  volumes: Omit<VolumeOptions, "references">;
  /** In the order in which they are asked to take an image. */
  runtimes: readonly ContainerRuntime[];
  /** `{SVCNAME}_SERVICE_HOST` and so on, of the Services in the pod's namespace. */
  serviceVariables: (pod: Pod) => Record<string, string>;
  backoff: BackoffSettings;
  now: () => Date;
  logger: Logger;
}

/** What one pod's containers share. */
export interface PodContext {
  node: NodeContext;
  pod: Pod;
  uid: string;
  facts: PodFacts;
  /** The pod's directory on this machine. */
  directory: string;
  gracePeriodSeconds: number;
  /** Prepares the pod's volumes once; later calls give the same. */
  volumes: () => Promise<ReadonlyMap<string, string>>;
  /** The pod's status is to be written again. */
  changed: () => void;
  event: (type: "Normal" | "Warning", reason: string, message: string) => void;
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}
