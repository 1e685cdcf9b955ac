import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import type { DemoTopology } from "./demo-topology.ts";

/** An app's kustomization as it stands on main, and the digest that it pins. */
export async function kustomizationWithDigest(
  demo: DemoTopology,
  scratch: string,
  app: string,
): Promise<{ text: string; digest: string }> {
  const checkout = await clone(demo, scratch);
  const text = await readFile(join(checkout, "apps", app, "kustomization.yaml"), "utf8");
  const digest = /sha256:[0-9a-f]{64}/.exec(text)?.[0];
  if (digest === undefined) throw new Error(`no digest in:\n${text}`);
  return { text, digest };
}

/** Commits an app's kustomization to main of the gitops repository, by a real clone and push. */
export async function commitToGitops(
  demo: DemoTopology,
  scratch: string,
  app: string,
  text: string,
): Promise<void> {
  const checkout = await clone(demo, scratch);
  await writeFile(join(checkout, "apps", app, "kustomization.yaml"), text);
  await git(demo, checkout, "commit", "--quiet", "--all", "--message", `Change ${app}`);
  await git(demo, checkout, "push", "--quiet", "origin", "HEAD:main");
}

async function clone(demo: DemoTopology, scratch: string): Promise<string> {
  const checkout = join(scratch, "gitops");
  await rm(checkout, { recursive: true, force: true });
  const { core } = await demo.endpoints();
  await git(demo, scratch, "clone", "--quiet", `${core.forge}/ai-edge/gitops.git`, checkout);
  return checkout;
}

async function git(demo: DemoTopology, cwd: string, ...args: string[]): Promise<void> {
  const { username, token } = JSON.parse(
    await readFile(join(demo.dataDir, "core", "credentials.json"), "utf8"),
  ) as {
    username: string;
    token: string;
  };
  await promisify(execFile)("git", args, {
    cwd,
    env: {
      ...process.env,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.extraHeader",
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`,
      GIT_AUTHOR_NAME: "e2e",
      GIT_AUTHOR_EMAIL: "e2e@ai-edge.invalid",
      GIT_COMMITTER_NAME: "e2e",
      GIT_COMMITTER_EMAIL: "e2e@ai-edge.invalid",
    },
  });
}
