import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { ContainerConfig, HistoryEntry, ImageConfig } from "../image/config.ts";
import type { ImageLayout } from "../image/layout.ts";
import type { Descriptor, Platform } from "../image/manifest.ts";
import { decompressLayer } from "../image/repository.ts";
import { unpackLayer } from "../layer/unpack.ts";
import type { LayerEntry } from "../layer/writer.ts";
import type { Digest } from "../digest.ts";
import { cachedLayer, partition } from "./layer-cache.ts";
import { StageFiles } from "./stage-files.ts";

/** Engines mount layers one over the other; overlayfs takes 128, Docker allows 127. We leave room. */
const MAX_LAYERS = 100;

/** One build stage while its instructions are carried out. */
export class Stage {
  readonly name: string | undefined;
  readonly config: ContainerConfig;
  readonly layers: Descriptor[];
  readonly diffIds: Digest[];
  readonly history: HistoryEntry[];
  readonly platform: Platform;
  /** ARGs declared in this stage, with their values. */
  readonly args = new Map<string, string>();
  shell: string[] = ["/bin/sh", "-c"];
  author: string | undefined;
  /** The registry base, for the standard annotations. */
  readonly base: { name: string; digest: Digest } | undefined;
  readonly #layout: ImageLayout;
  #files: Promise<StageFiles> | undefined;
  #root: Promise<string> | undefined;

  constructor(options: {
    name: string | undefined;
    layout: ImageLayout;
    platform: Platform;
    from: StageBase;
  }) {
    const { name, layout, platform, from } = options;
    this.name = name;
    this.#layout = layout;
    this.platform = platform;
    this.base = from.base;
    this.config = structuredClone(from.config.config ?? {});
    this.layers = [...from.layers];
    this.diffIds = [...from.config.rootfs.diff_ids];
    this.history = [...(from.config.history ?? [])];
  }

  /** What ARG and ENV give to later instructions; ENV wins. */
  variables(): Map<string, string> {
    const env = (this.config.Env ?? []).map((pair): [string, string] => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    });
    return new Map([...this.args, ...env]);
  }

  setEnv(key: string, value: string): void {
    const others = (this.config.Env ?? []).filter((pair) => !pair.startsWith(`${key}=`));
    const at = (this.config.Env ?? []).findIndex((pair) => pair.startsWith(`${key}=`));
    this.config.Env = at < 0 ? [...others, `${key}=${value}`] : others.toSpliced(at, 0, `${key}=${value}`);
  }

  async files(): Promise<StageFiles> {
    this.#files ??= this.#readFiles();
    return await this.#files;
  }

  async #readFiles(): Promise<StageFiles> {
    const files = new StageFiles();
    for (const layer of this.layers) await files.addLayer(layer, this.#layout.blob(layer));
    return files;
  }

  /** Adds the entries as one or more layers. */
  async addEntries(entries: readonly LayerEntry[], created: string, createdBy: string): Promise<void> {
    if (entries.length === 0) return this.note(created, createdBy);
    const files = await this.files();
    for (const part of partition(entries, Math.max(1, MAX_LAYERS - this.layers.length))) {
      const layer = await cachedLayer(this.#layout, part);
      this.layers.push(layer);
      this.diffIds.push(layer.digest);
      this.history.push({ created, created_by: createdBy });
    }
    await files.addEntries(entries);
  }

  /** History of an instruction that changes no files. */
  note(created: string, createdBy: string): void {
    this.history.push({ created, created_by: createdBy, empty_layer: true });
  }

  /**
   * The stage's files in a directory, for COPY --from. Made once.
   * @param temporary remembers the directory, which the caller removes
   */
  async root(temporary: string[]): Promise<string> {
    this.#root ??= this.#unpack(temporary);
    return await this.#root;
  }

  async #unpack(temporary: string[]): Promise<string> {
    const root = await mkdtemp(path.join(os.tmpdir(), "ai-edge-stage-"));
    temporary.push(root);
    for (const layer of this.layers)
      await unpackLayer(decompressLayer(this.#layout.blob(layer), layer.mediaType), root);
    return root;
  }
}

/** What a stage starts from. */
export interface StageBase {
  config: ImageConfig;
  layers: readonly Descriptor[];
  base: { name: string; digest: Digest } | undefined;
}
