import path from "node:path";
import { ContainerfileError, execForm, type Instruction } from "../containerfile/parse.ts";
import { expand, splitPairs, splitWords } from "../containerfile/words.ts";
import { directoryEntry, addParents } from "./copy-instruction.ts";
import type { LayerEntry } from "../layer/writer.ts";
import type { Stage } from "./stage.ts";

/** Carries out an instruction that changes only the image's configuration; false if it is not one. */
export async function applyConfigInstruction(
  stage: Stage,
  instruction: Instruction,
  created: string,
): Promise<boolean> {
  const { keyword } = instruction;
  if (keyword === "WORKDIR") {
    await workdir(stage, instruction, created);
    return true;
  }
  const apply = HANDLERS[keyword];
  if (apply === undefined) return false;
  apply(stage, instruction);
  stage.note(created, `${keyword} ${instruction.rest}`);
  return true;
}

const HANDLERS: Record<string, (stage: Stage, instruction: Instruction) => void> = {
  ENV: (stage, { rest, line }) => {
    for (const [key, value] of splitPairs(rest, stage.variables(), line)) stage.setEnv(key, value);
  },
  LABEL: (stage, { rest, line }) => {
    stage.config.Labels = {
      ...stage.config.Labels,
      ...Object.fromEntries(splitPairs(rest, stage.variables(), line)),
    };
  },
  USER: (stage, { rest, line }) => {
    stage.config.User = expand(rest, stage.variables(), line);
  },
  EXPOSE: (stage, { rest, line }) => {
    const ports = splitWords(rest, stage.variables(), line).map((word) => exposedPort(word, line));
    stage.config.ExposedPorts = {
      ...stage.config.ExposedPorts,
      ...Object.fromEntries(ports.map((port) => [port, {}])),
    };
  },
  VOLUME: (stage, { rest, line }) => {
    const paths = execForm(rest) ?? splitWords(rest, stage.variables(), line);
    stage.config.Volumes = {
      ...stage.config.Volumes,
      ...Object.fromEntries(paths.map((name) => [name, {}])),
    };
  },
  ENTRYPOINT: (stage, { rest }) => {
    stage.config.Entrypoint = execForm(rest) ?? [...stage.shell, rest];
    // A CMD of the base belongs to the base's entry point.
    delete stage.config.Cmd;
  },
  CMD: (stage, { rest }) => {
    stage.config.Cmd = execForm(rest) ?? [...stage.shell, rest];
  },
  STOPSIGNAL: (stage, { rest, line }) => {
    stage.config.StopSignal = expand(rest, stage.variables(), line);
  },
  SHELL: (stage, { rest, line }) => {
    const shell = execForm(rest);
    if (shell === undefined || shell.length === 0)
      throw new ContainerfileError(line, 'SHELL wants the JSON form, as in ["/bin/bash", "-c"]');
    stage.shell = shell;
  },
  MAINTAINER: (stage, { rest }) => {
    stage.author = rest;
  },
  HEALTHCHECK: (stage, { flags, rest, line }) => {
    stage.config.Healthcheck = healthcheck(flags, rest, line);
  },
};

async function workdir(stage: Stage, { rest, line }: Instruction, created: string): Promise<void> {
  const directory = path.posix.resolve(stage.config.WorkingDir ?? "/", expand(rest, stage.variables(), line));
  stage.config.WorkingDir = directory;
  const files = await stage.files();
  const name = files.resolve(directory);
  const entries = new Map<string, LayerEntry>();
  if (name !== "" && !files.has(name)) {
    entries.set(name, directoryEntry(name));
    addParents(name, entries, files);
  }
  await stage.addEntries([...entries.values()], created, `WORKDIR ${directory}`);
}

function exposedPort(word: string, line: number): string {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(word);
  if (match === null || Number(match[1]) > 65_535)
    throw new ContainerfileError(line, `EXPOSE ${JSON.stringify(word)}: want port[/protocol]`);
  return word.includes("/") ? word : `${word}/tcp`;
}

function healthcheck(flags: Record<string, string>, rest: string, line: number): { Test: string[] } {
  if (/^none$/i.test(rest)) return { Test: ["NONE"] };
  const command = /^cmd\s+([\s\S]+)$/i.exec(rest)?.[1];
  if (command === undefined) throw new ContainerfileError(line, "HEALTHCHECK wants NONE or CMD <command>");
  const exec = execForm(command);
  const test = exec === undefined ? ["CMD-SHELL", command] : ["CMD", ...exec];
  return {
    Test: test,
    ...duration("Interval", flags["interval"], line),
    ...duration("Timeout", flags["timeout"], line),
    ...duration("StartPeriod", flags["start-period"], line),
    ...(flags["retries"] === undefined ? {} : { Retries: Number(flags["retries"]) }),
  };
}

const NANOSECONDS: Record<string, number> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function duration(key: string, text: string | undefined, line: number): Record<string, number> {
  if (text === undefined) return {};
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null)
    throw new ContainerfileError(line, `HEALTHCHECK: ${JSON.stringify(text)} is not a duration such as 30s`);
  return { [key]: Number(match[1]) * (NANOSECONDS[match[2] ?? "s"] ?? 1e9) };
}
