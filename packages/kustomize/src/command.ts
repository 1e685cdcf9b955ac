import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BuildOptions } from "./build.ts";
import { build, toYaml } from "./build.ts";
import { diskFileSystem } from "./file-system.ts";
import type { ImageEdit } from "./set-image.ts";
import { networkFetcher } from "./network-fetcher.ts";
import { buildWithRemotes } from "./remote-build.ts";
import { parseRepositoryUrl } from "./repository-url.ts";
import { setImage } from "./set-image.ts";
import { splitImage } from "./images.ts";

export interface CommandStreams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly cwd: string;
  /** The environment of the git that `--enable-remote` runs; the process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const HELP = `Render or edit a kustomization.

  kustomize build [DIR] [--reorder none|legacy] [--load-restrictor LoadRestrictionsNone] [--enable-managedby-label] [--enable-remote] [-o FILE]
  kustomize edit set image NAME=NEWNAME[:TAG][@DIGEST] ... (in the directory of the kustomization)

The network is used with --enable-remote only: then bases may be Git repositories (fetched by the git of this machine) and
files may be https URLs. DIR may be such a base, too.

Example:
  kustomize build apps/bike-rental --reorder none
`;

class UsageError extends Error {}

/**
 * `kustomize build` and `kustomize edit set image` with kustomize's flags: data on stdout, warnings and errors on stderr.
 * @returns the exit code: 0, 1 for a failed build, 2 for wrong usage
 */
export async function runKustomizeCommand(argv: readonly string[], streams: CommandStreams): Promise<number> {
  const [command, ...rest] = argv;
  try {
    if (command === "build") return await runBuild(rest, streams);
    if (command === "edit" && rest[0] === "set" && rest[1] === "image")
      return runSetImage(rest.slice(2), streams);
    if (command === "--help" || command === "-h" || command === "help") {
      streams.stdout.write(HELP);
      return EXIT_OK;
    }
    throw new UsageError(
      command === undefined
        ? "no command given; there are build and edit set image"
        : `unknown command '${argv.join(" ")}'`,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    streams.stderr.write(`Error: ${message}\n`);
    if (!(error instanceof UsageError)) return EXIT_FAILED;
    streams.stderr.write("(kustomize --help shows the usage)\n");
    return EXIT_USAGE;
  }
}

function parseBuildArguments(args: readonly string[]): {
  values: Record<string, string | boolean | undefined>;
  positionals: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        reorder: { type: "string" },
        "load-restrictor": { type: "string" },
        "enable-managedby-label": { type: "boolean" },
        "enable-helm": { type: "boolean" },
        "enable-remote": { type: "boolean" },
        output: { type: "string", short: "o" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node's further sentences explain how to escape positionals, which nobody here means.
    throw new UsageError(message.split(". ")[0] ?? message, { cause: error });
  }
}

function oneOf<const T extends string>(
  flag: string,
  value: string | boolean | undefined,
  allowed: readonly T[],
  byDefault: T,
): T {
  if (value === undefined) return byDefault;
  const found = allowed.find((name) => name === value);
  if (found === undefined)
    throw new UsageError(
      `illegal flag value --${flag} ${String(value)}; legal values: ${allowed.join(", ")}`,
    );
  return found;
}

async function runBuild(args: readonly string[], streams: CommandStreams): Promise<number> {
  const { values, positionals } = parseBuildArguments(args);
  if (values.help === true) {
    streams.stdout.write(HELP);
    return EXIT_OK;
  }
  if (positionals.length > 1)
    throw new UsageError("specify one path to a directory with a kustomization file");
  if (values["enable-helm"] === true) throw new UsageError("--enable-helm: Helm charts are not rendered");
  const given = positionals[0] ?? ".";
  const path = parseRepositoryUrl(given) === undefined ? resolve(streams.cwd, given) : given;
  const options: BuildOptions = {
    reorder: oneOf("reorder", values.reorder, ["legacy", "none"], "legacy"),
    loadRestrictor: oneOf(
      "load-restrictor",
      values["load-restrictor"],
      ["LoadRestrictionsRootOnly", "LoadRestrictionsNone"],
      "LoadRestrictionsRootOnly",
    ),
    managedByLabel: values["enable-managedby-label"] === true,
  };
  const fileSystem = diskFileSystem();
  const { env, signal } = streams;
  const result =
    values["enable-remote"] === true
      ? await buildWithRemotes(fileSystem, path, {
          ...options,
          fetcher: networkFetcher(env === undefined ? {} : { env }),
          ...(signal === undefined ? {} : { signal }),
        })
      : build(fileSystem, path, options);
  for (const warning of result.warnings)
    streams.stderr.write(`${warning.startsWith("Warning:") ? "# " : ""}${warning}\n`);
  const yaml = toYaml(result.resources);
  if (typeof values.output === "string") writeFileSync(resolve(streams.cwd, values.output), yaml);
  else streams.stdout.write(yaml);
  return EXIT_OK;
}

/** `name=newName[:tag][@digest]`, or `name[:tag][@digest]` to keep the name. */
function parseImageArgument(argument: string): ImageEdit {
  const equals = argument.indexOf("=");
  const { name, tag, digest } = splitImage(equals < 0 ? argument : argument.slice(equals + 1));
  if (name === "" || (equals < 0 && tag === "" && digest === "")) {
    throw new UsageError(
      `invalid format of image '${argument}', use one of: NAME=NEWNAME[:TAG][@DIGEST], NAME:TAG, NAME@DIGEST`,
    );
  }
  return {
    name: equals < 0 ? name : argument.slice(0, equals),
    ...(equals < 0 ? {} : { newName: name }),
    ...(tag === "" ? {} : { newTag: tag }),
    ...(digest === "" ? {} : { digest }),
  };
}

function runSetImage(args: readonly string[], streams: CommandStreams): number {
  if (args.length === 0) throw new UsageError("no image specified");
  const edits = args.map(parseImageArgument);
  const fileSystem = diskFileSystem();
  const names = ["kustomization.yaml", "kustomization.yml", "Kustomization"].map((name) =>
    resolve(streams.cwd, name),
  );
  const path = names.find((name) => fileSystem.stat(name) === "file");
  if (path === undefined) throw new Error(`Missing kustomization file in '${streams.cwd}'`);
  const before = readFileSync(path, "utf8");
  let after = before;
  for (const edit of edits) after = setImage(after, edit);
  if (after !== before) writeFileSync(path, after);
  return EXIT_OK;
}
