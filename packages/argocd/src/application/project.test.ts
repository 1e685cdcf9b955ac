import type { AppProject, Application } from "@ai-edge/api";
import { expect, test } from "vitest";
import { forbiddenKind, projectViolation } from "./project.ts";
import type { Target } from "./target.ts";

function application(project: string): Application {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name: "a", namespace: "argo" },
    spec: {
      project,
      source: { repoURL: "https://git.example/team/app.git" },
      destination: { server: "https://kubernetes.default.svc", namespace: "models" },
    },
  };
}

function project(spec: AppProject["spec"]): AppProject {
  return { apiVersion: "argoproj.io/v1alpha1", kind: "AppProject", metadata: { name: "team" }, spec };
}

const ANYWHERE = [{ server: "*", namespace: "*" }];

test.each<[string, AppProject["spec"] | undefined, string | undefined]>([
  ["does not exist", undefined, "Application referencing project team which does not exist"],
  ["allows all", { sourceRepos: ["*"], destinations: ANYWHERE }, undefined],
  [
    "allows the repository, with or without .git",
    { sourceRepos: ["https://git.example/team/app"], destinations: ANYWHERE },
    undefined,
  ],
  [
    "allows by pattern",
    {
      sourceRepos: ["https://git.example/team/*"],
      destinations: [{ server: "https://kubernetes.default.svc", namespace: "mod*" }],
    },
    undefined,
  ],
  [
    "allows other repositories",
    { sourceRepos: ["https://git.example/other/*"], destinations: ANYWHERE },
    "application repo https://git.example/team/app.git is not permitted in project 'team'",
  ],
  [
    "forbids the repository",
    { sourceRepos: ["*", "!https://git.example/team/app"], destinations: ANYWHERE },
    "application repo https://git.example/team/app.git is not permitted in project 'team'",
  ],
  [
    "allows other namespaces",
    { sourceRepos: ["*"], destinations: [{ server: "*", namespace: "other" }] },
    "application destination server 'https://kubernetes.default.svc' and namespace 'models' do not match any of the allowed destinations in project 'team'",
  ],
])("a project that %s", (_, spec, message) => {
  expect(projectViolation(application("team"), spec === undefined ? undefined : project(spec))?.message).toBe(
    message,
  );
});

test("the default project need not exist", () => {
  expect(projectViolation(application("default"), undefined)).toBeUndefined();
});

function target(group: string, kind: string, namespace: string): Target {
  return {
    ref: { group, kind, namespace, name: "x" },
    version: "v1",
    object: { apiVersion: "v1", kind, metadata: { name: "x" } },
    type: undefined,
    wave: 0,
    syncOptions: new Set(),
  };
}

test.each<[string, AppProject["spec"], Target, boolean]>([
  ["namespaced kinds are allowed by default", {}, target("apps", "Deployment", "models"), true],
  ["cluster-scoped kinds are not", {}, target("rbac.authorization.k8s.io", "ClusterRole", ""), false],
  [
    "unless they are listed",
    { clusterResourceWhitelist: [{ group: "*", kind: "*" }] },
    target("rbac.authorization.k8s.io", "ClusterRole", ""),
    true,
  ],
  [
    "a list of namespaced kinds excludes others",
    { namespaceResourceWhitelist: [{ group: "", kind: "ConfigMap" }] },
    target("apps", "Deployment", "models"),
    false,
  ],
  [
    "a denied kind",
    { namespaceResourceBlacklist: [{ group: "", kind: "Secret" }] },
    target("", "Secret", "models"),
    false,
  ],
])("%s", (_, spec, one, isAllowed) => {
  expect(forbiddenKind([one], project(spec)) === undefined).toBe(isAllowed);
});
