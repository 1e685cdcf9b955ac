import { rm } from "node:fs/promises";
import { type Ignored, loadIgnore } from "../containerfile/ignore.ts";
import {
  ContainerfileError,
  execForm,
  type Instruction,
  parseContainerfile,
} from "../containerfile/parse.ts";
import { expand, splitWords } from "../containerfile/words.ts";
import { hostPlatform, type ImageConfig } from "../image/config.ts";
import { copyImage } from "../image/copy.ts";
import { type ImageLayout, single } from "../image/layout.ts";
import { type Descriptor, type ImageManifest, parseManifest, type Platform } from "../image/manifest.ts";
import { MEDIA_TYPE_CONFIG, MEDIA_TYPE_MANIFEST } from "../image/media-type.ts";
import { type ImageRepository, resolveImage } from "../image/repository.ts";
import { formatReference, manifestReference, parseReference, type Reference } from "../reference.ts";
import { copyEntries } from "./copy-instruction.ts";
import { applyConfigInstruction } from "./instructions.ts";
import { findSources } from "./sources.ts";
import { Stage, type StageBase } from "./stage.ts";

export interface BuildOptions {
  /** Text of the Containerfile. */
  containerfile: string;
  /** Directory that COPY takes from. */
  context: string;
  buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Where FROM and COPY --from find the image of a reference: a registry's repository, or the local store. */
  base: (reference: Reference) => Promise<ImageRepository> | ImageRepository;
  /** The image is written here. */
  layout: ImageLayout;
  /** Name in the layout; absent: by digest only. */
  tag?: string | undefined;
  /** Added to what the Containerfile sets. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Default 1970-01-01, so that the same inputs give the same digest. */
  created?: Date | undefined;
  /** The stage to build; default the last. */
  target?: string | undefined;
  platform?: Platform | undefined;
  signal?: AbortSignal | undefined;
}

export interface BuildResult {
  descriptor: Descriptor;
  manifest: ImageManifest;
  config: ImageConfig;
}

/**
 * Upstream's retrieve task reads this label of every image and fails without it, so we set it, to our name and version:
 * it says what built the image, and that was not Buildah.
 */
export const LABEL_BUILDER = "io.buildah.version";
export const BUILDER = "ai-edge-0.1.0";

const EMPTY_BASE = (platform: Platform): StageBase => ({
  config: { ...platform, rootfs: { type: "layers", diff_ids: [] } },
  layers: [],
  base: undefined,
});

/**
 * Builds an image from a Containerfile without a container engine: everything that is a matter of files and
 * configuration. RUN needs an engine and is refused with its line, before anything is fetched or written.
 */
export async function buildImage(options: BuildOptions): Promise<BuildResult> {
  const instructions = parseContainerfile(options.containerfile);
  checkSupported(instructions);
  const builder = new Builder(options);
  try {
    for (const instruction of instructions) {
      options.signal?.throwIfAborted();
      try {
        await builder.execute(instruction);
      } catch (error) {
        if (error instanceof ContainerfileError || options.signal?.aborted === true) throw error;
        const message = error instanceof Error ? error.message : String(error);
        throw new ContainerfileError(instruction.line, `${instruction.keyword}: ${message}`);
      }
    }
    return await builder.finish();
  } finally {
    for (const directory of builder.temporary) await rm(directory, { recursive: true, force: true });
  }
}

function checkSupported(instructions: readonly Instruction[]): void {
  for (const { keyword, line, rest } of instructions) {
    if (keyword === "RUN") {
      throw new ContainerfileError(
        line,
        `RUN ${rest.slice(0, 60)}${rest.length > 60 ? "…" : ""} needs a container engine, and this build works without one: ` +
          "put what the command makes into a base image, or COPY it with --chown and --chmod",
      );
    }
    if (keyword === "ONBUILD")
      throw new ContainerfileError(
        line,
        "ONBUILD is not supported: write the instruction into the image that needs it",
      );
    if (keyword === "ADD" && /(^|\s)(https?|git):\/\//.test(rest)) {
      throw new ContainerfileError(
        line,
        "ADD of a URL is not supported: fetch the file in an earlier step and COPY it",
      );
    }
  }
}

class Builder {
  readonly temporary: string[] = [];
  readonly #options: BuildOptions;
  readonly #platform: Platform;
  readonly #created: string;
  readonly #stages: Stage[] = [];
  /** ARGs before the first FROM: only FROM sees them. */
  readonly #global = new Map<string, string>();
  #ignored: Promise<Ignored> | undefined;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.#platform = options.platform ?? hostPlatform();
    this.#created = (options.created ?? new Date(0)).toISOString().replace(/\.\d{3}Z$/, "Z");
  }

  async execute(instruction: Instruction): Promise<void> {
    const stage = this.#stages.at(-1);
    if (instruction.keyword === "FROM") return await this.#from(instruction);
    if (instruction.keyword === "ARG") return this.#arg(stage, instruction);
    if (stage === undefined)
      throw new ContainerfileError(instruction.line, `${instruction.keyword} before FROM`);
    if (instruction.keyword === "COPY" || instruction.keyword === "ADD")
      return await this.#copy(stage, instruction);
    if (!(await applyConfigInstruction(stage, instruction, this.#created))) {
      throw new ContainerfileError(instruction.line, `${instruction.keyword} is not supported`);
    }
  }

  async #from({ rest, line }: Instruction): Promise<void> {
    const [image, as, name, ...more] = splitWords(rest, this.#global, line);
    if (
      image === undefined ||
      (as !== undefined && (as.toLowerCase() !== "as" || name === undefined)) ||
      more.length > 0
    ) {
      throw new ContainerfileError(line, "want FROM <image> [AS <name>]");
    }
    const from = await this.#base(image);
    this.#stages.push(
      new Stage({ name: name?.toLowerCase(), layout: this.#options.layout, platform: this.#platform, from }),
    );
  }

  async #base(image: string): Promise<StageBase> {
    if (image === "scratch") return EMPTY_BASE(this.#platform);
    const earlier = this.#stages.find((stage) => stage.name === image.toLowerCase());
    if (earlier !== undefined) {
      const config = {
        ...this.#platform,
        config: earlier.config,
        rootfs: { type: "layers" as const, diff_ids: earlier.diffIds },
        history: earlier.history,
      };
      return { config, layers: earlier.layers, base: earlier.base };
    }
    const reference = parseReference(image);
    const { layout, signal } = this.#options;
    const repository = await this.#options.base(reference);
    const { descriptor, manifest, config } = await resolveImage(
      repository,
      manifestReference(reference),
      this.#platform,
      signal,
    );
    if (repository !== layout) await copyImage(repository, descriptor.digest, layout, undefined, signal);
    return {
      config,
      layers: manifest.layers,
      base: { name: formatReference(reference), digest: descriptor.digest },
    };
  }

  #arg(stage: Stage | undefined, { rest, line }: Instruction): void {
    const scope = stage?.args ?? this.#global;
    const visible = stage?.variables() ?? this.#global;
    for (const word of splitWords(rest, visible, line)) {
      const equals = word.indexOf("=");
      const key = equals < 0 ? word : word.slice(0, equals);
      const given = this.#options.buildArgs?.[key];
      const fallback =
        equals < 0 ? (this.#global.get(key) ?? this.#platformArgument(key)) : word.slice(equals + 1);
      const value = given ?? fallback;
      if (value !== undefined) scope.set(key, value);
    }
  }

  #platformArgument(key: string): string | undefined {
    const { os, architecture } = this.#platform;
    return { TARGETOS: os, TARGETARCH: architecture, TARGETPLATFORM: `${os}/${architecture}` }[key];
  }

  async #copy(stage: Stage, instruction: Instruction): Promise<void> {
    const { flags, rest, line, keyword } = instruction;
    const known = new Set(["from", "chown", "chmod"]);
    const unknown = Object.keys(flags).find((flag) => !known.has(flag));
    if (unknown !== undefined) throw new ContainerfileError(line, `${keyword} --${unknown} is not supported`);
    const words = execForm(rest) ?? splitWords(rest, stage.variables(), line);
    const destination = words.at(-1);
    if (destination === undefined || words.length < 2)
      throw new ContainerfileError(line, `want ${keyword} <source>… <destination>`);
    const patterns = words.slice(0, -1);
    if (keyword === "ADD" && patterns.some((name) => /\.(tar|tgz|tbz2?|txz|tar\.\w+)$/.test(name))) {
      throw new ContainerfileError(
        line,
        "ADD would unpack an archive, which is not supported: COPY its files",
      );
    }
    const flag = (name: string): string | undefined =>
      flags[name] === undefined ? undefined : expand(flags[name], stage.variables(), line);
    const from = flag("from");
    const files = await stage.files();
    const root = from === undefined ? this.#options.context : await this.#stageRoot(from);
    const ignored =
      from === undefined ? await (this.#ignored ??= loadIgnore(this.#options.context)) : (): boolean => false;
    const chown = flag("chown");
    const chmod = flag("chmod");
    if (chmod !== undefined && !/^0?[0-7]{3,4}$/.test(chmod))
      throw new ContainerfileError(line, `--chmod=${chmod}: want octal digits such as 755`);
    const entries = copyEntries(await findSources(root, patterns, ignored), {
      destination,
      workingDirectory: stage.config.WorkingDir ?? "/",
      owner: chown === undefined ? { uid: 0, gid: 0 } : files.owner(chown),
      mode: chmod === undefined ? undefined : Number.parseInt(chmod, 8),
      keepModes: from !== undefined,
      files,
    });
    await stage.addEntries(entries, this.#created, `${keyword} ${rest}`);
  }

  async #stageRoot(from: string): Promise<string> {
    const index = /^\d+$/.test(from) ? Number(from) : -1;
    const earlier = this.#stages.slice(0, -1);
    const stage = earlier.find((candidate) => candidate.name === from.toLowerCase()) ?? earlier[index];
    if (stage !== undefined) return await stage.root(this.temporary);
    const image = new Stage({
      name: undefined,
      layout: this.#options.layout,
      platform: this.#platform,
      from: await this.#base(from),
    });
    return await image.root(this.temporary);
  }

  async finish(): Promise<BuildResult> {
    const { layout, labels, tag, target } = this.#options;
    const stage =
      target === undefined
        ? this.#stages.at(-1)
        : this.#stages.find((candidate) => candidate.name === target.toLowerCase());
    if (stage === undefined)
      throw new ContainerfileError(
        1,
        target === undefined ? "there is no FROM" : `there is no stage ${target}`,
      );
    stage.config.Labels = { ...stage.config.Labels, ...labels, [LABEL_BUILDER]: BUILDER };
    const config: ImageConfig = {
      created: this.#created,
      ...(stage.author === undefined ? {} : { author: stage.author }),
      ...this.#platform,
      config: stage.config,
      rootfs: { type: "layers", diff_ids: stage.diffIds },
      history: stage.history,
    };
    const stored = await layout.blobs.write(single(Buffer.from(JSON.stringify(config))));
    const base: Record<string, string> | undefined = stage.base && {
      "org.opencontainers.image.base.name": stage.base.name,
      "org.opencontainers.image.base.digest": stage.base.digest,
    };
    const manifest: ImageManifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE_MANIFEST,
      config: { mediaType: MEDIA_TYPE_CONFIG, ...stored },
      layers: stage.layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
      ...(base === undefined ? {} : { annotations: base }),
    };
    const fetched = parseManifest(Buffer.from(JSON.stringify(manifest)));
    await layout.putManifest(fetched, tag);
    return { descriptor: fetched.descriptor, manifest, config };
  }
}
