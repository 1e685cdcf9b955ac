import { EndpointSlice, Service } from "@ai-edge/api";
import { sleep, type Informer, type Manager } from "@ai-edge/runtime";
import { join } from "node:path";
import type { Logger } from "pino";
import { encodeWriteRequest } from "../remote-write/protobuf.ts";
import { snappyCompress } from "../remote-write/snappy.ts";
import type { TimeSeries } from "../series.ts";
import type { SpoolRecord } from "../spool/record.ts";
import { Spool, type SpoolStatus } from "../spool/spool.ts";
import { DEFAULT_ALLOWLIST } from "./allowlist.ts";
import { Collector, type ScrapeResult } from "./collector.ts";
import { scrape } from "./scrape.ts";
import { Sender, type RemoteWrite } from "./sender.ts";
import { Shipper, type ShipperStatus } from "./shipper.ts";
import { discoverTargets, type Target } from "./targets.ts";

export interface TelemetryAgentOptions {
  /** Value of the `cluster` label of every series. */
  clusterName: string;
  /** The spool lives in `dataDir/spool`. */
  dataDir: string;
  remoteWrite: RemoteWrite;
  /** Metric names that leave the site, besides `up`. Default: upstream's list. */
  allowlist?: readonly string[];
  /** Milliseconds. */
  scrapeInterval?: number;
  /** Bytes and milliseconds that the spool may hold while the receiver is away. */
  maxSpoolBytes?: number;
  maxSpoolAge?: number;
  random?: () => number;
}

export interface TargetStatus extends Target {
  up: boolean;
  /** Why the last scrape failed. */
  error?: string;
  /** Series that the last scrape kept. */
  series: number;
}

export interface TelemetryAgent {
  /** What a console shows so that missing data is not taken for zero. */
  status(): { targets: TargetStatus[]; spool: SpoolStatus | undefined; shipper: ShipperStatus | undefined };
}

/** A request at the site is visible at the core within this and a little; ACM's default is 300 s. */
const DEFAULT_SCRAPE_INTERVAL_MS = 15_000;
const MAX_SCRAPE_TIMEOUT_MS = 10_000;
/** Two models at 15 s need some 60 MB a day compressed, so this is a week of outage. */
const DEFAULT_SPOOL_BYTES = 512 * 1024 * 1024;
const DEFAULT_SPOOL_AGE_MS = 7 * 86_400_000;
/** Prometheus' own batch size; a request stays far below every receiver's limit. */
const SAMPLES_PER_REQUEST = 2_000;
/** Scrapes at the same time: the site's two cores are the models'. */
const SCRAPE_CONCURRENCY = 4;

function toRecords(series: readonly TimeSeries[], time: number): SpoolRecord[] {
  const records: SpoolRecord[] = [];
  for (let start = 0; start < series.length; start += SAMPLES_PER_REQUEST) {
    const part = series.slice(start, start + SAMPLES_PER_REQUEST);
    records.push({ time, samples: part.length, body: snappyCompress(encodeWriteRequest(part)) });
  }
  return records;
}

class Agent implements TelemetryAgent {
  readonly #options: TelemetryAgentOptions;
  readonly #interval: number;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #allowed: ReadonlySet<string>;
  readonly #collector: Collector;
  #targets: TargetStatus[] = [];
  #spool: Spool | undefined;
  #shipper: Shipper | undefined;

  constructor(manager: Manager, options: TelemetryAgentOptions) {
    this.#options = options;
    this.#interval = options.scrapeInterval ?? DEFAULT_SCRAPE_INTERVAL_MS;
    this.#services = manager.informer(Service);
    this.#slices = manager.informer(EndpointSlice);
    this.#logger = manager.logger;
    this.#now = () => manager.now().getTime();
    this.#allowed = new Set(options.allowlist ?? DEFAULT_ALLOWLIST);
    this.#collector = new Collector(options.clusterName);
  }

  status(): ReturnType<TelemetryAgent["status"]> {
    return { targets: this.#targets, spool: this.#spool?.status(), shipper: this.#shipper?.status() };
  }

  async run(signal: AbortSignal): Promise<void> {
    const spool = await Spool.open({
      directory: join(this.#options.dataDir, "spool"),
      maxBytes: this.#options.maxSpoolBytes ?? DEFAULT_SPOOL_BYTES,
      maxAge: this.#options.maxSpoolAge ?? DEFAULT_SPOOL_AGE_MS,
      now: this.#now,
    });
    this.#spool = spool;
    const sender = new Sender(this.#options.remoteWrite);
    const random = this.#options.random ?? Math.random;
    this.#shipper = new Shipper({ spool, sender, logger: this.#logger, now: this.#now, random });
    // If one half fails the other must end too, before the manager starts both again on the same files.
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const halves = [this.#shipper.run(both), this.#scrapeLoop(spool, both)];
    try {
      await Promise.all(halves);
    } finally {
      stop.abort();
      await Promise.allSettled(halves);
      sender.reconnect();
      await spool.close();
    }
  }

  async #scrapeLoop(spool: Spool, signal: AbortSignal): Promise<void> {
    await Promise.race([Promise.all([this.#services.synced, this.#slices.synced]), sleepUntilAbort(signal)]);
    while (!signal.aborted) {
      const started = performance.now();
      await spool.append(toRecords(await this.#round(signal), this.#now()));
      await sleep(Math.max(0, this.#interval - (performance.now() - started)), signal);
    }
  }

  /** Scrapes every target once. */
  async #round(signal: AbortSignal): Promise<TimeSeries[]> {
    const targets = discoverTargets(this.#services.store.list(), this.#slices.store.list());
    const results: ScrapeResult[] = [];
    const queue = [...targets.entries()];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !signal.aborted; next = queue.shift()) {
        results[next[0]] = await this.#scrapeOne(next[1], signal);
      }
    };
    await Promise.all(Array.from({ length: SCRAPE_CONCURRENCY }, worker));
    if (signal.aborted) return [];
    const time = this.#now();
    const statuses: TargetStatus[] = [];
    const collected = targets.flatMap((target, index) => {
      const result = results[index] ?? { error: "not scraped" };
      const up = "samples" in result;
      statuses.push({
        ...target,
        up,
        series: up ? result.samples.length : 0,
        ...(up ? {} : { error: result.error }),
      });
      return this.#collector.collect(target, result, time);
    });
    this.#logChanges(statuses);
    this.#targets = statuses;
    return [...collected, ...this.#collector.forget(targets, time)];
  }

  async #scrapeOne(target: Target, signal: AbortSignal): Promise<ScrapeResult> {
    const timeoutMs = Math.min(this.#interval, MAX_SCRAPE_TIMEOUT_MS);
    try {
      return {
        samples: await scrape(target, { keep: (name) => this.#allowed.has(name), timeoutMs, signal }),
      };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Says once when a target begins to fail. */
  #logChanges(statuses: readonly TargetStatus[]): void {
    for (const { pod, service, namespace, error } of statuses) {
      const before = this.#targets.find((target) => target.pod === pod && target.service === service);
      if (error === undefined || before?.error !== undefined) continue;
      this.#logger.warn({ namespace, service, pod, error }, "metrics of a pod cannot be read");
    }
  }
}

function sleepUntilAbort(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/**
 * Adds the site's telemetry to a manager: finds model pods through Services, scrapes them, keeps allowlisted series on
 * disk and sends them to the core, in order, whenever it can be reached.
 */
export function addTelemetryAgent(manager: Manager, options: TelemetryAgentOptions): TelemetryAgent {
  const agent = new Agent(manager, options);
  manager.addRunnable("telemetry", (signal) => agent.run(signal));
  return agent;
}
