import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { succeededCondition } from "./run-state.ts";
import { KUSTOMIZATION, TOKEN } from "./testing/inputs.ts";
import { PipelineCore, resultsOf } from "./testing/pipeline-core.ts";

const run = promisify(execFile);

let core: PipelineCore;

beforeAll(async () => {
  core = await PipelineCore.start();
});
afterAll(() => core?.close());

describe("gitops-update-pipeline", () => {
  test("pins the digest by a pull request, and does nothing when it is pinned", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const done = await core.finished(core.updateRun(digest), "update-");
    expect(succeededCondition(done)).toMatchObject({ status: "True", reason: "Succeeded" });
    const branch = `pipeline_${done.metadata.uid ?? ""}`;
    const url = String(resultsOf(done)["pr-url"]);
    expect(url).toMatch(new RegExp(`^${core.forge.url}/edge/gitops/pull/\\d+$`));
    const number = url.split("/").at(-1) ?? "";
    const headers = { authorization: `Bearer ${TOKEN}` };
    const pull = await (
      await fetch(`${core.forge.url}/api/v3/repos/edge/gitops/pulls/${number}`, { headers })
    ).json();
    expect(pull).toMatchObject({
      title: "Auto: update image ref",
      head: { ref: branch },
      base: { ref: "main" },
      user: { login: "pipeline" },
    });
    expect(pull).toMatchObject({
      body: expect.stringContaining(`| PipelinRun UID   | \`${done.metadata.uid ?? ""}\` |`),
    });
    const clone = join(core.directory, "check");
    await run("git", ["clone", "-q", "-b", branch, core.cloneUrl("gitops"), clone]);
    expect(await readFile(join(clone, "apps/double/kustomization.yaml"), "utf8")).toBe(
      KUSTOMIZATION.replace("quay.io/nobody/nothing", `${core.registry.host}/edge/double`).replace(
        `sha256:${"0".repeat(64)}`,
        digest,
      ),
    );
    expect((await run("git", ["-C", clone, "diff", "--stat", "origin/main", "HEAD"])).stdout).toContain(
      "1 file changed, 2 insertions(+), 2 deletions(-)",
    );

    const pending = await core.finished(core.updateRun(digest), "pending-");
    expect(succeededCondition(pending)).toMatchObject({ status: "True", reason: "Completed" });
    expect(await core.branches()).not.toContain(`pipeline_${pending.metadata.uid ?? ""}`);

    await fetch(`${core.forge.url}/repos/edge/gitops/pulls/${number}/merge`, { method: "PUT", headers });
    const before = await core.branches();
    const again = await core.finished(core.updateRun(digest), "again-");
    expect(succeededCondition(again)).toMatchObject({ status: "True", reason: "Completed" });
    expect(again.status?.skippedTasks).toMatchObject([
      { name: "open-pr", reason: "When Expressions evaluated to false" },
    ]);
    expect(resultsOf(again)).toEqual({});
    expect(await core.branches()).toEqual(before);
  });

  test("a wrong file or a missing token fails with the reason", async () => {
    const spec = core.updateRun(`sha256:${"b".repeat(64)}`);
    const script = "yq -i '.a = \"b\"' no/such/file.yaml";
    const wrong = await core.finished({
      ...spec,
      params: [
        ...(spec.params ?? []).filter((param) => param.name !== "yq-script"),
        { name: "yq-script", value: script },
      ],
    });
    expect(succeededCondition(wrong)?.message).toMatch(
      /yq-update: no\/such\/file.yaml does not exist in the repository/,
    );
    const params = (spec.params ?? []).map((param) =>
      param.name === "gitTokenSecretName" ? { ...param, value: "none" } : param,
    );
    const tokenless = await core.finished({ ...spec, params });
    expect(succeededCondition(tokenless)?.message).toMatch(/Secret models\/none does not exist/);
  });
});

test("no secret is in any status or log, and no scratch file is left", async () => {
  const { texts, leaking, scratchFiles } = await core.traces();
  expect(texts).toBeGreaterThan(15);
  expect({ leaking, scratchFiles }).toEqual({ leaking: [], scratchFiles: [] });
});
