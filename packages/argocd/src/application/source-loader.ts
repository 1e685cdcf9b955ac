import { type Application, type ApplicationSource, Secret } from "@ai-edge/api";
import { deepEqual, type UnstructuredObject } from "@ai-edge/apimachinery";
import type { Informer } from "@ai-edge/runtime";
import { findCredentials } from "../git/credentials.ts";
import type { GitMirror, Remote } from "../git/mirror.ts";
import type { ResolvedRevision } from "../git/revision.ts";
import { GitError } from "../git/run-git.ts";
import { renderSource, type Rendered, type SourceType } from "../render/render.ts";
import { SourceError } from "../render/source-error.ts";

/** What Git wants, at one commit. */
export interface LoadedSource {
  source: ApplicationSource;
  revision: string;
  sourceType: SourceType;
  manifests: readonly UnstructuredObject[];
  warnings: readonly string[];
  /** The repository could not be asked: this is what it held last. */
  stale: string | undefined;
}

export interface LoadOptions {
  /** Render again, even what was rendered before. */
  hard: boolean;
  /** Instead of the spec's target revision (a manual sync). */
  revision?: string | undefined;
  signal: AbortSignal;
}

/** Resolves and renders the sources of Applications, and remembers the last result of each. */
export class SourceLoader {
  readonly #mirror: GitMirror;
  readonly #secrets: Informer<Secret>;
  readonly #loaded = new Map<string, LoadedSource>();

  constructor(mirror: GitMirror, secrets: Informer<Secret>) {
    this.#mirror = mirror;
    this.#secrets = secrets;
  }

  /** The last result for an Application, if it is still about its source. */
  last(app: Application): LoadedSource | undefined {
    const loaded = this.#loaded.get(app.metadata.uid ?? "");
    return loaded !== undefined && deepEqual(loaded.source, app.spec.source) ? loaded : undefined;
  }

  forget(uid: string): void {
    this.#loaded.delete(uid);
  }

  /**
   * Asks the repository, fetches and renders. When the repository does not answer, what it held last is used.
   * @throws SourceError or GitError, both with a message for the user
   */
  async load(app: Application, options: LoadOptions): Promise<LoadedSource> {
    const source = singleSource(app);
    await this.#secrets.synced;
    const { remote, revision, stale } = await this.#resolve(app, source, options);
    const previous = this.last(app);
    if (previous !== undefined && !options.hard && previous.revision === revision.commit) {
      return this.#remember(app, options, { ...previous, stale });
    }
    const { commit, rendered } = await this.#render(remote, revision, source, options.signal);
    return this.#remember(app, options, { source, revision: commit, ...rendered, stale });
  }

  #remember(app: Application, options: LoadOptions, loaded: LoadedSource): LoadedSource {
    if (options.revision === undefined) this.#loaded.set(app.metadata.uid ?? "", loaded);
    return loaded;
  }

  async #resolve(
    app: Application,
    source: ApplicationSource,
    options: LoadOptions,
  ): Promise<{ remote: Remote; revision: ResolvedRevision; stale: string | undefined }> {
    const url = await this.#mirror.effectiveUrl(source.repoURL, options.signal);
    const remote = { url, credentials: findCredentials(this.#secrets.store.list(), [source.repoURL, url]) };
    try {
      const revision = await this.#mirror.resolve(
        remote,
        options.revision ?? source.targetRevision,
        options.signal,
      );
      return { remote, revision, stale: undefined };
    } catch (error) {
      const last = this.last(app)?.revision ?? lastRevision(app, source);
      if (!(error instanceof GitError) || options.revision !== undefined || last === undefined) throw error;
      return { remote, revision: { commit: last }, stale: error.message };
    }
  }

  async #render(
    remote: Remote,
    revision: ResolvedRevision,
    source: ApplicationSource,
    signal: AbortSignal,
  ): Promise<{ commit: string; rendered: Rendered }> {
    return this.#mirror.withCheckout(
      remote,
      revision,
      async ({ commit, directory }) => ({ commit, rendered: await renderSource(directory, source) }),
      signal,
    );
  }
}

function singleSource(app: Application): ApplicationSource {
  const { source, sources } = app.spec;
  if (sources !== undefined && sources.length > 0)
    throw new SourceError("spec.sources: several sources are not supported; use spec.source");
  if (source === undefined) throw new SourceError("spec.source is missing");
  return source;
}

/** What the status says was compared last, if it was of this source: survives a restart without network. */
function lastRevision(app: Application, source: ApplicationSource): string | undefined {
  const { revision, comparedTo } = app.status?.sync ?? {};
  return revision !== undefined && revision !== "" && deepEqual(comparedTo?.source, source)
    ? revision
    : undefined;
}
