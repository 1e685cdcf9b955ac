import { Service } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { succeededCondition } from "./run-state.ts";
import { NAMESPACE, PipelineCore, resultsOf } from "./testing/pipeline-core.ts";

let core: PipelineCore;

beforeAll(async () => {
  core = await PipelineCore.start();
});
afterAll(() => core?.close());

describe("upstream's tasks with scripts", () => {
  test("upstream's oc scripts are understood, and nothing else of a shell is", async () => {
    const catalog = (task: string, version: string) => ({
      resolver: "git",
      params: [
        { name: "url", value: "https://github.com/openshift-pipelines/tektoncd-catalog" },
        { name: "revision", value: "p" },
        { name: "pathInRepo", value: `tasks/task-${task}/${version}/task-${task}.yaml` },
      ],
    });
    const oc = (name: string, script: string, after?: string) => ({
      name,
      taskRef: catalog("openshift-client", "0.2.1"),
      params: [
        { name: "SCRIPT", value: script },
        { name: "VERSION", value: "latest" },
      ],
      ...(after === undefined ? {} : { runAfter: [after] }),
    });
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        creationTimestamp: null,
        name: "my-model.v1-1",
        namespace: "$(params.ns)",
        labels: { app: "a-1" },
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "a-1" } },
        template: {
          metadata: { labels: { app: "a-1" } },
          spec: { containers: [{ name: "c", image: "example.com/x:1", ports: [{ containerPort: 8080 }] }] },
        },
      },
      status: {},
    };
    const wait =
      "oc wait deployment -n $(params.ns) my-model.v1-1 --for condition=Available=True --timeout=5m\noc wait pod -n $(params.ns) -l app=a-1 --for condition=Ready=True --timeout=5m\n";
    const stopScript = [
      'if [ "$(params.upon-end)" == "stop" ]; then',
      "  oc scale deployment.apps/my-model.v1-1 --replicas=0",
      'elif [ "$(params.upon-end)" == "delete" ]; then',
      "  oc delete all --selector=app=a-1",
      'elif [ "$(params.upon-end)" == "keep" ]; then',
      '  echo "Keeping the deployment running."',
      "else",
      '  echo "Invalid value for upon-end parameter."',
      "  exit 1",
      "fi",
    ].join("\n");
    const done = await core.finished({
      pipelineSpec: {
        params: [
          { name: "upon-end", default: "delete" },
          { name: "ns", default: "$(context.pipelineRun.namespace)" },
        ],
        tasks: [
          oc(
            "deploy",
            `cat <<EOF | oc apply -f -\n${JSON.stringify(deployment, undefined, 2)}\nEOF\n${wait}`,
          ),
          oc(
            "expose",
            "oc expose deployment my-model.v1-1 --port=8080\n  --target-port=8080 --selector='app=a-1'\n  --dry-run=client -o yaml |  oc apply -f -",
            "deploy",
          ),
          {
            name: "golden",
            runAfter: ["expose"],
            taskRef: { kind: "Task", name: "test-model-rest-svc" },
            params: [
              { name: "service-name", value: "my-model.v1-1" },
              { name: "test-endpoint", value: "x" },
            ],
            workspaces: [{ name: "test-data" }],
          },
          oc("stop", stopScript, "golden"),
        ],
        workspaces: [{ name: "test-data" }],
      },
      workspaces: [{ name: "test-data", configMap: { name: "golden" } }],
    });
    expect(succeededCondition(done)).toMatchObject({
      status: "True",
      message: "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0",
    });
    await expect(core.client.get(Service, { namespace: NAMESPACE, name: "my-model-v1-1" })).rejects.toSatisfy(
      (error) => isStatus(error, "NotFound"),
    );
    const other = await core.finished({ pipelineSpec: { tasks: [oc("a", "oc get pods; rm -rf /")] } });
    expect(succeededCondition(other)?.message).toMatch(/SCRIPT is not run by a shell/);
  });

  test("upstream's shape, with ClusterTasks and its git script, does the same", async () => {
    const { params, workspaces, taskRunTemplate } = {
      taskRunTemplate: {},
      ...core.updateRun(`sha256:${"c".repeat(64)}`),
    };
    const script = [
      "# Move repo to HOME so Git does not complain",
      "cp -r $(workspaces.source.path)/$(params.gitRepoName) ~/$(params.gitRepoName)",
      "",
      "cd ~/$(params.gitRepoName)",
      "PR_BRANCH=pipeline_$(context.pipelineRun.uid)",
      "git checkout -b $PR_BRANCH",
      'if [ -z "$(git status --porcelain)" ]; then',
      '    echo "Update did not cause a modification"',
      "    exit 0",
      "fi",
      'git commit -am "Update image ref from pipeline"',
      "git push origin $PR_BRANCH:$PR_BRANCH",
      "",
    ].join("\n");
    const run = (gitScript: string) =>
      core.finished({
        params: params ?? [],
        workspaces: workspaces ?? [],
        taskRunTemplate,
        pipelineSpec: {
          params: [
            ...(params ?? []).map(({ name }) => ({ name })),
            { name: "gitRepoBranchBase", default: "main" },
          ],
          workspaces: [{ name: "git-workspace" }, { name: "git-basic-auth" }],
          results: [{ name: "pr-url", value: "$(tasks.open-pr.results.URL)" }],
          tasks: [
            {
              name: "git-clone",
              taskRef: { kind: "ClusterTask", name: "git-clone" },
              params: [
                { name: "url", value: "$(params.gitServer)/$(params.gitOrgName)/$(params.gitRepoName)" },
                { name: "revision", value: "$(params.gitRepoBranchBase)" },
                { name: "gitInitImage", value: "not declared, ignored" },
                { name: "subdirectory", value: "/$(params.gitRepoName)/" },
              ],
              workspaces: [
                { name: "output", workspace: "git-workspace" },
                { name: "basic-auth", workspace: "git-basic-auth" },
              ],
            },
            {
              name: "yq-update",
              runAfter: ["git-clone"],
              taskRef: { kind: "Task", name: "yq-update" },
              params: [
                { name: "SCRIPT", value: "$(params.yq-script)" },
                { name: "env-image-name", value: "$(params.image-registry-repo)" },
                { name: "env-image-digest", value: "$(params.image-digest)" },
                { name: "git-repo-path", value: "$(params.gitRepoName)" },
              ],
              workspaces: [{ name: "source", workspace: "git-workspace" }],
            },
            {
              name: "git-commit-and-push",
              runAfter: ["yq-update"],
              taskRef: { kind: "ClusterTask", name: "git-cli" },
              params: [{ name: "GIT_SCRIPT", value: gitScript }],
              workspaces: [
                { name: "source", workspace: "git-workspace" },
                { name: "basic-auth", workspace: "git-basic-auth" },
              ],
            },
            {
              name: "open-pr",
              runAfter: ["git-commit-and-push"],
              when: [
                {
                  input: "$(tasks.git-clone.results.commit)",
                  operator: "notin",
                  values: ["$(tasks.git-commit-and-push.results.commit)"],
                },
              ],
              taskRef: { kind: "Task", name: "github-open-pr" },
              params: [
                { name: "GITHUB_HOST_URL", value: "$(params.gitApiServer)" },
                { name: "API_PATH_PREFIX", value: "$(params.gitApiPrefix)" },
                { name: "REPO_FULL_NAME", value: "$(params.gitOrgName)/$(params.gitRepoName)" },
                { name: "GITHUB_TOKEN_SECRET_NAME", value: "$(params.gitTokenSecretName)" },
                { name: "HEAD", value: "pipeline_$(context.pipelineRun.uid)" },
                { name: "BASE", value: "main" },
                { name: "BODY", value: "" },
                { name: "TITLE", value: "Auto" },
              ],
            },
          ],
        },
      });
    const done = await run(script);
    expect(succeededCondition(done)).toMatchObject({ status: "True", reason: "Succeeded" });
    expect(resultsOf(done)["pr-url"]).toMatch(/\/pull\/\d+$/);
    expect(await core.branches()).toContain(`pipeline_${done.metadata.uid ?? ""}`);
    const other = await run(`${script}curl http://example.com | sh\n`);
    expect(succeededCondition(other)?.message).toMatch(
      /GIT_SCRIPT is not run by a shell: .* not "curl http:\/\/example.com \| sh"/,
    );
  });
});

test("no secret is in any status or log, and no scratch file is left", async () => {
  const { texts, leaking, scratchFiles } = await core.traces();
  expect(texts).toBeGreaterThan(5);
  expect({ leaking, scratchFiles }).toEqual({ leaking: [], scratchFiles: [] });
});
