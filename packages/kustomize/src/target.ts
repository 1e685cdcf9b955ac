import { Accumulator } from "./accumulator.ts";
import { asError, prefixed } from "./build-error.ts";
import type { Layer } from "./layer.ts";
import type { Resource } from "./resource.ts";
import type { BuildContext } from "./build-context.ts";
import { runGenerators } from "./run-generators.ts";
import type { Kustomization } from "./kustomization.ts";
import type { Loader } from "./loader.ts";
import { readKustomization } from "./kustomization-file.ts";
import { withoutCredentials } from "./repository-url.ts";
import { parseResources } from "./resource-parser.ts";
import { runTransformers } from "./run-transformers.ts";
import { validateWithPlugins } from "./plugins.ts";
import { crdConfig } from "./crd-config.ts";
import { mergeConfig, parseTransformerConfig } from "./transformer-config.ts";
import { parseYamlDocuments, YamlError } from "./yaml-parse.ts";

/** One kustomization file on the way through the build. */
export class Target implements Layer {
  readonly loader: Loader;
  readonly kustomization: Kustomization;
  readonly context: BuildContext;

  private constructor(loader: Loader, kustomization: Kustomization, context: BuildContext) {
    this.loader = loader;
    this.kustomization = kustomization;
    this.context = context;
  }

  static load(loader: Loader, context: BuildContext): Target {
    const kustomization = readKustomization(loader, context.warn);
    context.useOpenApi(kustomization.openapi, loader);
    return new Target(loader, kustomization, context);
  }

  /** Runs the kustomization: resources, generators, components, transformers. */
  accumulate(into: Accumulator): void {
    const { kustomization, loader } = this;
    this.#resources(into, kustomization.resources ?? []);
    for (const path of kustomization.configurations ?? []) {
      for (const document of parseYamlDocuments(loader.readText(path))) {
        into.config = mergeConfig(into.config, parseTransformerConfig(document));
      }
    }
    for (const path of kustomization.crds ?? [])
      into.config = mergeConfig(into.config, crdConfig(loader.readText(path)));
    runGenerators(this, into);
    this.#components(into, kustomization.components ?? []);
    runTransformers(this, into);
    validateWithPlugins(this, into);
    into.vars.add(kustomization.vars ?? [], into.map);
  }

  /** The configurations of `generators` and `transformers`: files, bases, or inline YAML. */
  loadConfigurations(entries: readonly string[]): readonly Resource[] {
    const into = new Accumulator();
    for (const entry of entries) {
      if (entry.includes("\n")) this.#inline(into, entry);
      else this.#resources(into, [entry]);
    }
    return into.map.resources;
  }

  #inline(into: Accumulator, text: string): void {
    const resources = parseResources(text);
    for (const resource of resources) resource.origin = this.context.origin.ofFile("kustomization.yaml");
    into.map.append(resources);
  }

  #resources(into: Accumulator, paths: readonly string[]): void {
    for (const path of paths) {
      try {
        this.#resource(into, path);
      } catch (error) {
        throw prefixed("accumulating resources", error);
      }
    }
  }

  #resource(into: Accumulator, path: string): void {
    let fileError: Error;
    try {
      this.#file(into, path);
      return;
    } catch (error) {
      fileError = asError(error);
    }
    let loader: Loader;
    try {
      loader = this.loader.openBase(path);
    } catch (error) {
      if (fileError instanceof MalformedFileError) throw fileError;
      throw prefixed(`accumulation err='${fileError.message}'`, error);
    }
    try {
      this.context.origin.within(path, () => this.#directory(into, loader));
    } catch (error) {
      throw prefixed(`accumulation err='${fileError.message}'`, error);
    }
  }

  #file(into: Accumulator, path: string): void {
    let text: string;
    try {
      text = this.loader.readText(path);
    } catch (error) {
      throw prefixed(`accumulating resources from '${withoutCredentials(path)}'`, error);
    }
    let resources;
    try {
      resources = parseResources(text);
    } catch (error) {
      throw fileError(withoutCredentials(path), asError(error));
    }
    const origin = this.context.origin.ofFile(path);
    for (const resource of resources) resource.origin = origin;
    try {
      into.map.append(resources);
    } catch (error) {
      throw prefixed(`merging resources from '${withoutCredentials(path)}'`, error);
    }
  }

  #directory(into: Accumulator, loader: Loader): void {
    let target: Target;
    try {
      target = Target.load(loader, this.context);
    } catch (error) {
      throw prefixed(`couldn't make target for path '${loader.root}'`, error);
    }
    if (target.kustomization.kind === "Component") {
      throw new Error(`accumulateDirectory: "expected kind != 'Component' for path '${loader.root}'"`);
    }
    const base = new Accumulator();
    try {
      target.accumulate(base);
    } catch (error) {
      throw prefixed(`recursed accumulation of path '${loader.root}'`, error);
    }
    try {
      into.absorb(base);
    } catch (error) {
      throw prefixed(`recursed merging from path '${loader.root}'`, error);
    }
  }

  #openComponent(path: string): Loader {
    try {
      return this.loader.openBase(path);
    } catch (error) {
      throw new Error(`loader.New ${JSON.stringify(asError(error).message)}`, { cause: error });
    }
  }

  /** A component works on what its parent has so far. */
  #components(into: Accumulator, paths: readonly string[]): void {
    for (const path of paths) {
      try {
        const loader = this.#openComponent(path);
        const target = Target.load(loader, this.context);
        if (target.kustomization.kind !== "Component") {
          throw new Error(
            `accumulateDirectory: "expected kind 'Component' for path '${loader.root}' but got '${target.kustomization.kind ?? ""}'"`,
          );
        }
        this.context.origin.within(path, () => target.accumulate(into));
      } catch (error) {
        throw prefixed("accumulating components", error);
      }
    }
  }
}

function fileError(path: string, error: Error): Error {
  if (!(error instanceof YamlError)) return prefixed(`accumulating resources from '${path}'`, error);
  const message = `accumulating resources from '${path}': MalformedYAMLError: ${error.message} in File: ${path}`;
  return new MalformedFileError(message, { cause: error });
}

/** The file is there, but not a manifest: that it is no directory either is of no interest. */
class MalformedFileError extends Error {}
