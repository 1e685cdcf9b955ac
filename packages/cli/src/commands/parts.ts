import type { ProgramIO } from "../program-io.ts";

/** Parts that bring a command line of their own. */
export type Part = "model-server" | "kustomize" | "image" | "kubectl";

/**
 * Runs a part with its own arguments.
 * @returns its exit code
 */
export async function runPart(part: Part, argv: readonly string[], io: ProgramIO): Promise<number> {
  switch (part) {
    case "kustomize":
      return (await import("@ai-edge/kustomize")).runKustomizeCommand([...argv], io);
    case "image":
      return (await import("@ai-edge/oci")).runImageCommand([...argv], io);
    case "model-server":
      return (await import("@ai-edge/model-server")).runModelServer({
        args: argv,
        env: io.env,
        signal: io.signal,
        stdout: io.stdout,
        stderr: io.stderr,
      });
    case "kubectl":
      return (await import("../kubectl/index.ts")).runKubectlCommand([...argv], io);
  }
}
