import type { Container } from "@ai-edge/api";

import type { LocalImage } from "../runtimes/runtime.ts";
import { expand } from "./environment.ts";

/**
 * What to execute: `command` replaces the image's entrypoint and drops its arguments; `args` replaces only these
 * (kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container).
 */
export function containerArgv(
  container: Container,
  image: LocalImage,
  env: Readonly<Record<string, string>>,
): string[] {
  const { Entrypoint = [], Cmd = [] } = image.config.config ?? {};
  const command = container.command ?? [];
  const args = container.args ?? [];
  const given = [...command, ...args].map((text) => expand(text, env));
  if (command.length > 0) return given;
  return args.length > 0 ? [...Entrypoint, ...given] : [...Entrypoint, ...Cmd];
}
