import { findCondition } from "@ai-edge/apimachinery";
import { CronJob, Job, Pod } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { createManager } from "@ai-edge/runtime";
import { type TestApiServer, addPodActor, startTestApiServer } from "@ai-edge/testing";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addWorkloadControllers } from "../index.ts";

let api: TestApiServer;
let client: Client;
const stop = new AbortController();
let running: Promise<void>;
/** Moves the controllers' clock. */
let ahead = 0;

beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
  const now = () => new Date(Date.now() + ahead);
  const manager = createManager({ client, logger: pino({ level: "silent" }), now, resyncPeriod: 200 });
  addWorkloadControllers(manager);
  const phases: Record<string, "Succeeded" | "Failed" | "Running"> = {
    ok: "Succeeded",
    bad: "Failed",
    long: "Running",
  };
  addPodActor(manager, (pod) => ({ phase: phases[pod.spec.containers[0]?.image ?? ""] ?? "Running" }));
  running = manager.start(stop.signal);
});
afterAll(async () => {
  stop.abort();
  await running;
  await api.close();
});

const template = (image: string): Job["spec"]["template"] => ({
  spec: { restartPolicy: "Never", containers: [{ name: "c", image }] },
});
const create = (name: string, spec: Job["spec"]) =>
  client.create(Job, { metadata: { namespace: "default", name }, spec });
const get = (name: string) => client.get(Job, { namespace: "default", name });
const podsOf = async (name: string) =>
  (await client.list(Pod, { namespace: "default", labelSelector: `job-name=${name}` })).items;

describe("a Job", () => {
  it("runs pods until enough have succeeded", async () => {
    await create("ok", { completions: 3, parallelism: 2, template: template("ok") });
    await expect
      .poll(async () => findCondition((await get("ok")).status?.conditions, "Complete"))
      .toMatchObject({
        status: "True",
        reason: "CompletionsReached",
        message: "Reached expected number of succeeded pods",
      });
    const { status } = await get("ok");
    expect(status).toMatchObject({
      succeeded: 3,
      ready: 0,
      startTime: expect.any(String),
      completionTime: expect.any(String),
    });
    expect(status?.active).toBeUndefined();
    expect((await podsOf("ok")).length).toBe(3);
  });

  it("gives up after backoffLimit", async () => {
    await create("bad", { completions: 1, backoffLimit: 0, template: template("bad") });
    await expect
      .poll(async () => findCondition((await get("bad")).status?.conditions, "Failed"))
      .toMatchObject({
        reason: "BackoffLimitExceeded",
        message: "Job has reached the specified backoff limit",
      });
    expect((await get("bad")).status?.failed).toBe(1);
  });

  it("stops its pods when its deadline has passed, and when it is suspended", async () => {
    await create("late", { completions: 1, activeDeadlineSeconds: 1, template: template("long") });
    await expect
      .poll(async () => findCondition((await get("late")).status?.conditions, "Failed")?.reason, {
        timeout: 5_000,
      })
      .toBe("DeadlineExceeded");
    await create("paused", { completions: 1, template: template("long") });
    await expect.poll(async () => (await get("paused")).status?.active).toBe(1);
    const patch = { type: "merge", body: { spec: { suspend: true } } } as const;
    await client.patch(Job, { namespace: "default", name: "paused" }, patch);
    await expect
      .poll(async () => findCondition((await get("paused")).status?.conditions, "Suspended")?.status)
      .toBe("True");
    await expect.poll(async () => (await podsOf("paused")).length).toBe(0);
  });

  it("goes when its time to live is over", async () => {
    await create("short-lived", { completions: 1, ttlSecondsAfterFinished: 0, template: template("ok") });
    await expect
      .poll(() => get("short-lived").catch((error: { reason?: string }) => error.reason))
      .toBe("NotFound");
  });

  it("says what it cannot do", async () => {
    await create("indexed", { completions: 1, completionMode: "Indexed", template: template("ok") });
    await expect
      .poll(async () => findCondition((await get("indexed")).status?.conditions, "Failed")?.message)
      .toContain("completionMode Indexed is not supported");
  });
});

describe("a CronJob", () => {
  it("starts what is due, keeps the history short and forbids overlap", async () => {
    const key = { namespace: "default", name: "cron" };
    await client.create(CronJob, {
      metadata: key,
      spec: {
        schedule: "* * * * *",
        concurrencyPolicy: "Forbid",
        successfulJobsHistoryLimit: 1,
        jobTemplate: { spec: { template: template("ok") } },
      },
    });
    const jobs = async () =>
      (await client.list(Job, { namespace: "default" })).items.filter(({ metadata }) =>
        metadata.name.startsWith("cron-"),
      );
    for (const minutes of [1, 2, 3]) {
      ahead = minutes * 60_000;
      const due = Math.floor((Date.now() + ahead) / 60_000);
      await expect
        .poll(
          async () =>
            (await jobs())
              .filter(({ status }) => status?.succeeded === 1)
              .map(({ metadata }) => metadata.name),
          {
            timeout: 5_000,
          },
        )
        .toEqual([`cron-${due}`]);
    }
    const { status } = await client.get(CronJob, key);
    expect(status).toMatchObject({
      lastScheduleTime: expect.any(String),
      lastSuccessfulTime: expect.any(String),
    });
  });
});
