import { parseArgs } from "node:util";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { buildImage } from "../build/build.ts";
import { hostPlatform } from "../image/config.ts";
import { copyImage } from "../image/copy.ts";
import { ImageLayout } from "../image/layout.ts";
import { type ImageRepository, resolveImage } from "../image/repository.ts";
import { formatReference, manifestReference, parseReference, type Reference } from "../reference.ts";
import { createRegistryClient, type RegistryClient } from "../registry/client.ts";
import { type CredentialsByHost, credentialsFor, loadDockerConfig } from "../registry/credentials.ts";

/** What the command uses of its process. */
export interface ImageCommandIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** AI_EDGE_IMAGE_STORE, XDG_DATA_HOME, DOCKER_CONFIG and HOME say where images and credentials are. */
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  signal?: AbortSignal | undefined;
}

const USAGE = `Usage: ai-edge image <command>

  build -f Containerfile -t REF [--build-arg K=V] [--target STAGE] [--push] CONTEXT
  push REF [TARGET]        from the local store to a registry
  pull REF                 from a registry into the local store
  copy SOURCE TARGET       from registry to registry
  inspect REF              manifest and configuration, of the local store or a registry
  save REF DIRECTORY       into an OCI image layout
  load DIRECTORY REF       from an OCI image layout

Example: ai-edge image build -f Containerfile -t localhost:5000/models/iris:1 --push .
`;

class UsageError extends Error {}

/** Runs `ai-edge image …`; the result is the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runImageCommand(argv: readonly string[], io: ImageCommandIo): Promise<number> {
  const [name = "", ...rest] = argv;
  if (name === "help" || name === "--help" || name === "-h" || rest.includes("--help")) {
    io.stdout.write(USAGE);
    return 0;
  }
  const session = new Session(io, await loadDockerConfig(dockerConfigFile(io)));
  try {
    const command = COMMANDS[name];
    if (command === undefined)
      throw new UsageError(
        `${name === "" ? "no command given" : `unknown command ${JSON.stringify(name)}`}; there are ${Object.keys(COMMANDS).join(", ")}`,
      );
    await command(rest, session);
    return 0;
  } catch (error) {
    const message = messageOf(error);
    const usage =
      error instanceof UsageError ||
      (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
    const pointer = usage ? "(ai-edge image --help shows the usage)\n" : "";
    io.stderr.write(`${["ai-edge image", name].join(" ").trim()}: ${message}\n${pointer}`);
    return usage ? 2 : 1;
  } finally {
    session.close();
  }
}

/** One line that names the path where the system only says its code. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!("code" in error)) return error.message;
  if (error.code === "ENOENT" && "path" in error) return `${String(error.path)} does not exist`;
  // Node's further sentences explain how to escape positionals, which nobody here means.
  return String(error.code).startsWith("ERR_PARSE_ARGS")
    ? (error.message.split(". ")[0] ?? error.message)
    : error.message;
}

/** The local image store: an OCI image layout under the user's data directory (XDG base directories). */
function storeDirectory({ env, cwd }: ImageCommandIo): string {
  const home = env["XDG_DATA_HOME"] ?? path.join(env["HOME"] ?? cwd, ".local", "share");
  return path.resolve(cwd, env["AI_EDGE_IMAGE_STORE"] ?? path.join(home, "ai-edge", "images"));
}

function dockerConfigFile({ env, cwd }: ImageCommandIo): string {
  return path.join(env["DOCKER_CONFIG"] ?? path.join(env["HOME"] ?? cwd, ".docker"), "config.json");
}

/** The local store and the registries that one command talks to. */
class Session {
  readonly io: ImageCommandIo;
  readonly layout: ImageLayout;
  readonly #credentials: CredentialsByHost;
  readonly #clients: RegistryClient[] = [];

  constructor(io: ImageCommandIo, credentials: CredentialsByHost) {
    this.io = io;
    this.layout = new ImageLayout(storeDirectory(io));
    this.#credentials = credentials;
  }

  remote(reference: Reference): ImageRepository {
    const credentials = credentialsFor(this.#credentials, reference.registry, reference.repository);
    const client = createRegistryClient({ host: reference.registry, credentials });
    this.#clients.push(client);
    return client.repository(reference.repository);
  }

  /** The local store if it has the image under this name, otherwise the registry. */
  async nearest(reference: Reference): Promise<{ repository: ImageRepository; name: string }> {
    const local = localName(reference);
    const entries = await this.layout.entries();
    const found = entries.some((entry) => entry.annotations?.["org.opencontainers.image.ref.name"] === local);
    return found
      ? { repository: this.layout, name: local }
      : { repository: this.remote(reference), name: manifestReference(reference) };
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** How the local store names an image: the whole reference, `latest` written out. */
function localName(reference: Reference): string {
  return formatReference(
    reference.tag === undefined && reference.digest === undefined
      ? { ...reference, tag: "latest" }
      : reference,
  );
}

const COMMANDS: Record<string, (argv: string[], session: Session) => Promise<void>> = {
  build,
  push,
  pull,
  copy,
  inspect,
  save,
  load,
};

async function build(argv: string[], session: Session): Promise<void> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      file: { type: "string", short: "f" },
      tag: { type: "string", short: "t" },
      "build-arg": { type: "string", multiple: true, default: [] },
      label: { type: "string", multiple: true, default: [] },
      target: { type: "string" },
      push: { type: "boolean", default: false },
    },
  });
  const [named] = positionals;
  if (named === undefined || positionals.length > 1) throw new UsageError("want one build context directory");
  if (values.tag === undefined) throw new UsageError("want -t REF");
  const reference = parseReference(values.tag);
  const { layout, io } = session;
  const context = path.resolve(io.cwd, named);
  const file =
    values.file === undefined ? path.join(context, "Containerfile") : path.resolve(io.cwd, values.file);
  const { descriptor } = await buildImage({
    containerfile: await readFile(file, "utf8"),
    context,
    buildArgs: pairs(values["build-arg"]),
    labels: pairs(values.label),
    base: async (base) => await namedLocally(session, base),
    layout,
    tag: localName(reference),
    target: values.target,
    signal: io.signal,
  });
  if (values.push)
    await copyImage(
      layout,
      descriptor.digest,
      session.remote(reference),
      reference.tag ?? "latest",
      io.signal,
    );
  io.stdout.write(`${descriptor.digest}\n`);
}

/** A base that was built here is asked for by tag, which the local store spells as a whole reference. */
async function namedLocally(session: Session, base: Reference): Promise<ImageRepository> {
  const { repository, name } = await session.nearest(base);
  if (repository !== session.layout) return repository;
  const { layout } = session;
  return {
    name: layout.name,
    manifest: async (reference) =>
      await layout.manifest(reference === manifestReference(base) ? name : reference),
    blob: (descriptor) => layout.blob(descriptor),
    hasBlob: async (digest) => await layout.hasBlob(digest),
    putBlob: async (descriptor, open) => await layout.putBlob(descriptor, open),
    putManifest: async (manifest, tag) => await layout.putManifest(manifest, tag),
  };
}

function pairs(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const equals = item.indexOf("=");
      if (equals <= 0) throw new UsageError(`${JSON.stringify(item)}: want KEY=VALUE`);
      return [item.slice(0, equals), item.slice(equals + 1)];
    }),
  );
}

async function push([source, target, ...more]: string[], session: Session): Promise<void> {
  if (source === undefined || more.length > 0) throw new UsageError("want push REF [TARGET]");
  const to = parseReference(target ?? source);
  const name = localName(parseReference(source));
  const { descriptor } = await copyImage(
    session.layout,
    name,
    session.remote(to),
    to.tag ?? "latest",
    session.io.signal,
  );
  session.io.stdout.write(`${descriptor.digest}\n`);
}

async function pull([source, ...more]: string[], session: Session): Promise<void> {
  if (source === undefined || more.length > 0) throw new UsageError("want pull REF");
  const from = parseReference(source);
  const { descriptor } = await copyImage(
    session.remote(from),
    manifestReference(from),
    session.layout,
    localName(from),
    session.io.signal,
  );
  session.io.stdout.write(`${descriptor.digest}\n`);
}

async function copy([source, target, ...more]: string[], session: Session): Promise<void> {
  if (source === undefined || target === undefined || more.length > 0)
    throw new UsageError("want copy SOURCE TARGET");
  const from = parseReference(source);
  const to = parseReference(target);
  const { descriptor } = await copyImage(
    session.remote(from),
    manifestReference(from),
    session.remote(to),
    to.tag ?? "latest",
    session.io.signal,
  );
  session.io.stdout.write(`${descriptor.digest}\n`);
}

async function inspect([source, ...more]: string[], session: Session): Promise<void> {
  if (source === undefined || more.length > 0) throw new UsageError("want inspect REF");
  const { repository, name } = await session.nearest(parseReference(source));
  const { descriptor, manifest, config } = await resolveImage(
    repository,
    name,
    hostPlatform(),
    session.io.signal,
  );
  session.io.stdout.write(
    `${JSON.stringify({ name: source, digest: descriptor.digest, manifest, config }, undefined, 2)}\n`,
  );
}

async function save([source, directory, ...more]: string[], session: Session): Promise<void> {
  if (source === undefined || directory === undefined || more.length > 0)
    throw new UsageError("want save REF DIRECTORY");
  const reference = parseReference(source);
  const { repository, name } = await session.nearest(reference);
  const { descriptor } = await copyImage(
    repository,
    name,
    new ImageLayout(path.resolve(session.io.cwd, directory)),
    localName(reference),
    session.io.signal,
  );
  session.io.stdout.write(`${descriptor.digest}\n`);
}

async function load([directory, source, ...more]: string[], session: Session): Promise<void> {
  if (source === undefined || directory === undefined || more.length > 0)
    throw new UsageError("want load DIRECTORY REF");
  const name = localName(parseReference(source));
  const { descriptor } = await copyImage(
    new ImageLayout(path.resolve(session.io.cwd, directory)),
    name,
    session.layout,
    name,
    session.io.signal,
  );
  session.io.stdout.write(`${descriptor.digest}\n`);
}
