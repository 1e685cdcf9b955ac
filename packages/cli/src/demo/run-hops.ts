import { cp } from "node:fs/promises";
import { join } from "node:path";

import { ANNOTATION_OCM_MANAGED_CLUSTER, type Application } from "@ai-edge/api";

import { readContentCredentials, type ContentCredentials } from "../core/content-credentials.ts";
import type { Topology } from "../topology/topology.ts";
import { runGit } from "./git.ts";
import { waitForMetrics, type MetricValue } from "./metrics.ts";
import { DEMO_MODELS, readGolden, UPDATED_MODEL, updateDirectory, type DemoModel } from "./models.ts";
import { packageModel, type PackagedModel } from "./packaging.ts";
import { predict, routeUrl, startStream, type Prediction } from "./prediction.ts";
import type { Progress } from "./progress.ts";
import { mergePullRequest, openPullRequest } from "./promotion.ts";
import {
  applyRegistration,
  waitForApplications,
  waitForClusters,
  waitForDecision,
  waitForHealthy,
  waitForWorks,
} from "./registration.ts";

/** What the hops produced, for the report. */
export interface HopOutcome {
  images: PackagedModel[];
  pullRequests: string[];
  predictions: Map<string, Prediction[]>;
  failedRequests: Map<string, number>;
  sentRequests: number;
  metrics: MetricValue[];
  /** Seconds from the start of the topology to the first right prediction at every edge. */
  secondsToFirstPredictions: number;
  /** Seconds from the merge of version 2 to its answer at every edge. */
  secondsFromMergeToServing: number;
}

export interface HopOptions {
  topology: Topology;
  edges: readonly string[];
  progress: Progress;
  workDir: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** `performance.now()` when the topology began to start. */
  startedAt: number;
}

/** Runs hops 1 to 10. @throws the first error; what ran before it is in `progress.results` */
export async function runHops(options: HopOptions, outcome: HopOutcome): Promise<void> {
  const { topology, edges, progress, signal } = options;
  const core = await topology.client("core");
  const credentials = await readContentCredentials(join(topology.dataDir, "core"));
  await progress.hop("sites join the core", (note) => waitForClusters(core, edges, { signal, note }));
  const images = await progress.hop("models are packaged and smoke-tested", async (note) => {
    const version = "1";
    return Promise.all(
      DEMO_MODELS.map(async (model) =>
        packageModel(
          core,
          topology.endpoints(),
          { model, version, golden: await readGolden(model, version) },
          { signal, note },
        ),
      ),
    );
  });
  outcome.images.push(...images);
  const promoted = await progress.hop("digests are promoted by pull requests", (note) =>
    promote(options, credentials, images, outcome, note),
  );
  await progress.hop("sites are chosen", async (note) => {
    await applyRegistration(core, topology.endpoints(), { ...options, credentials });
    await waitForDecision(core, edges, { signal, note });
  });
  const apps = DEMO_MODELS.map(({ name }) => name);
  const applications = await progress.hop("one Application per site and model", (note) =>
    waitForApplications(core, apps, edges, { signal, note }),
  );
  await progress.hop("Applications travel to the sites", (note) =>
    waitForWorks(core, applications, edgeOf, { signal, note }),
  );
  const names = applications.map(({ metadata }) => metadata.name);
  await progress.hop("sites reconcile from Git", (note) =>
    waitForHealthy(core, names, promoted, { signal, note }),
  );
  await progress.hop("sites give the golden answers", async (note) => {
    await predictEverywhere(options, DEMO_MODELS, () => "1", outcome);
    outcome.secondsToFirstPredictions = (performance.now() - options.startedAt) / 1000;
    note(`${outcome.secondsToFirstPredictions.toFixed(1)} s after the start`);
  });
  outcome.metrics = await progress.hop("metrics come home", () =>
    waitForMetrics(topology.endpoints(), edges, signal),
  );
  await progress.hop("a retrained model takes the same road", (note) =>
    rollOut(options, credentials, outcome, note),
  );
}

function edgeOf(application: Application): string {
  return application.metadata.annotations?.[ANNOTATION_OCM_MANAGED_CLUSTER] ?? "";
}

/** Hop 3: one pull request per image, merged one after the other. @returns the last merge commit */
async function promote(
  options: HopOptions,
  credentials: ContentCredentials,
  images: readonly PackagedModel[],
  outcome: HopOutcome,
  note: (text: string) => void,
): Promise<string | undefined> {
  const { topology, signal } = options;
  const core = await topology.client("core");
  const urls = await Promise.all(
    images.map((image) => openPullRequest(core, topology.endpoints(), image, { signal, note })),
  );
  let commit: string | undefined;
  for (const url of urls) {
    if (url === undefined) continue;
    outcome.pullRequests.push(url);
    commit = await mergePullRequest(topology.endpoints(), credentials, url);
  }
  note(`${urls.filter((url) => url !== undefined).length} pull requests merged`);
  return commit;
}

async function predictEverywhere(
  options: HopOptions,
  models: readonly DemoModel[],
  versionOf: (model: DemoModel) => string,
  outcome: HopOutcome,
): Promise<void> {
  for (const edge of options.edges) {
    for (const model of models) {
      const version = versionOf(model);
      const golden = await readGolden(model, version);
      const prediction = await predict(
        () => options.topology.endpoints(),
        { edge, model, version, golden },
        options.signal,
      );
      outcome.predictions.set(edge, [...(outcome.predictions.get(edge) ?? []), prediction]);
      if (!prediction.ok)
        throw new Error(
          `${edge} answers ${JSON.stringify(prediction.response)} for ${model.name} version ${version}, not the golden answer`,
        );
    }
  }
}

/** Hop 10: version 2 by commit, run, pull request and merge, while every Route is asked without pause. */
async function rollOut(
  options: HopOptions,
  credentials: ContentCredentials,
  outcome: HopOutcome,
  note: (text: string) => void,
): Promise<void> {
  const { topology, edges, signal } = options;
  const core = await topology.client("core");
  const body = (await readGolden(UPDATED_MODEL, "2")).request;
  const streams = edges.map((edge) => ({
    edge,
    stream: startStream(
      `${routeUrl(topology.endpoints(), edge, UPDATED_MODEL)}/${UPDATED_MODEL.endpoint}`,
      body,
    ),
  }));
  try {
    note("commit");
    await commitUpdate(options, credentials);
    const image = await packageModel(
      core,
      topology.endpoints(),
      { model: UPDATED_MODEL, version: "2", golden: await readGolden(UPDATED_MODEL, "2") },
      { signal, note },
    );
    outcome.images.push(image);
    const merged = await promote(options, credentials, [image], outcome, note);
    const mergedAt = performance.now();
    const names = edges.map((edge) => `${edge}-${UPDATED_MODEL.name}`);
    await waitForHealthy(core, names, merged, { signal, note });
    await predictEverywhere(options, [UPDATED_MODEL], () => "2", outcome);
    outcome.secondsFromMergeToServing = (performance.now() - mergedAt) / 1000;
  } finally {
    for (const { edge, stream } of streams) {
      const { sent, failed, firstFailure } = await stream.stop();
      outcome.failedRequests.set(edge, failed);
      outcome.sentRequests += sent;
      if (failed > 0) note(`${edge}: ${failed} of ${sent} requests failed, first: ${firstFailure ?? ""}`);
    }
  }
  const failed = [...outcome.failedRequests].filter(([, count]) => count > 0);
  if (failed.length > 0)
    throw new Error(
      `requests failed during the rollout: ${failed.map(([edge, count]) => `${edge}: ${count}`).join(", ")}`,
    );
  note(
    `${outcome.sentRequests} requests during the rollout, none failed; serving ${outcome.secondsFromMergeToServing.toFixed(1)} s after the merge`,
  );
}

/** What a data scientist does: clone, replace the model's files, commit, push. */
async function commitUpdate(options: HopOptions, credentials: ContentCredentials): Promise<void> {
  const { topology, workDir, env, signal } = options;
  const checkout = join(workDir, "models");
  const git = (cwd: string, ...args: string[]) => runGit(args, { cwd, credentials, env, signal });
  await git(
    workDir,
    "clone",
    "--quiet",
    "--depth=1",
    `${topology.endpoints().core.forge}/ai-edge/models.git`,
    checkout,
  );
  await cp(updateDirectory(), join(checkout, UPDATED_MODEL.relativePath, UPDATED_MODEL.name), {
    recursive: true,
  });
  await git(checkout, "add", "--all");
  await git(checkout, "commit", "--quiet", "--message", `Retrain ${UPDATED_MODEL.name}`);
  await git(checkout, "push", "--quiet", "origin", "HEAD:main");
}
