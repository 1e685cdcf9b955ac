import { StatusError } from "@ai-edge/apimachinery";
import { KubeconfigError } from "@ai-edge/client";
import { UsageError, UserError } from "../user-error.ts";
import { runApply } from "./apply.ts";
import { runDelete } from "./delete.ts";
import { runGet } from "./get.ts";
import { runLogs } from "./logs.ts";
import { runWait } from "./wait.ts";

/** What these commands need of the process. */
export interface KubectlIO {
  stdin: AsyncIterable<string | Uint8Array>;
  stdout: { write(text: string | Uint8Array): unknown };
  stderr: { write(text: string): unknown };
  env: Record<string, string | undefined>;
  cwd: string;
  signal: AbortSignal;
}

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const CONNECTION_HELP = `  --kubeconfig FILE  instead of KUBECONFIG
  --context NAME     instead of the current context
  -n, --namespace NS instead of the context's
`;

const COMMANDS: Record<string, { run: (argv: string[], io: KubectlIO) => Promise<void>; help: string }> = {
  apply: {
    run: runApply,
    help: `Create or update resources (server-side apply).

  ai-edge apply -f FILE|DIR|- [-f …] | -k DIR [--force-conflicts] [--dry-run]

Example:
  ai-edge apply -k registration
`,
  },
  get: {
    run: runGet,
    help: `Show resources.

  ai-edge get TYPE[,TYPE…] [NAME…] | TYPE/NAME… [-A] [-l SELECTOR] [--field-selector S] [-w] [--no-headers]
              [-o wide|name|json|yaml|jsonpath=TEMPLATE]

Example:
  ai-edge get applications,deploy,pods,svc -A
`,
  },
  logs: {
    run: runLogs,
    help: `Print the logs of a pod.

  ai-edge logs POD | TYPE/NAME [-c CONTAINER] [-f] [-p] [--tail N] [--since 5m] [--timestamps]

Example:
  ai-edge logs -n bike-rental deploy/bike-rental -f
`,
  },
  wait: {
    run: runWait,
    help: `Wait for a condition of resources.

  ai-edge wait TYPE/NAME… | TYPE NAME… | TYPE -l SELECTOR|--all
               --for condition=NAME[=VALUE]|delete|jsonpath={.path}[=VALUE] [--timeout 30s]

Example:
  ai-edge wait deploy/bike-rental --for condition=Available --timeout 2m
`,
  },
  delete: {
    run: runDelete,
    help: `Delete resources.

  ai-edge delete -f FILE|DIR|- | -k DIR | TYPE/NAME… | TYPE NAME… | TYPE -l SELECTOR|--all
                 [--ignore-not-found] [--cascade background|foreground|orphan] [--grace-period N] [--wait=false]

Example:
  ai-edge delete pod -n bike-rental --all
`,
  },
};

/**
 * Runs one of kubectl's commands: `["get", "pods", "-A"]`. Data goes to stdout, everything else to stderr.
 * @returns the exit code: 0, 1 for a failure, 2 for wrong usage
 */
export async function runKubectlCommand(argv: readonly string[], io: KubectlIO): Promise<number> {
  const [name = "", ...rest] = argv;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    io.stderr.write(`error: unknown command "${name}"; there are ${Object.keys(COMMANDS).join(", ")}\n`);
    return EXIT_USAGE;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    io.stdout.write(`${command.help}\nConnection:\n${CONNECTION_HELP}`);
    return EXIT_OK;
  }
  try {
    await command.run(rest, io);
    return EXIT_OK;
  } catch (error) {
    if (io.signal.aborted) return EXIT_FAILED;
    if (error instanceof UsageError) {
      io.stderr.write(`error: ${error.message}\n(ai-edge ${name} --help shows the usage)\n`);
      return EXIT_USAGE;
    }
    if (error instanceof StatusError) io.stderr.write(`${describeStatus(error)}\n`);
    else if (error instanceof UserError || error instanceof KubeconfigError)
      io.stderr.write(`error: ${error.message}\n`);
    else throw error;
    return EXIT_FAILED;
  }
}

/** As kubectl says it. */
function describeStatus(error: StatusError): string {
  // No answer at all: the message already names the server.
  if (error.cause !== undefined) return `error: ${error.message}`;
  return `Error from server (${error.reason}): ${error.message}`;
}
