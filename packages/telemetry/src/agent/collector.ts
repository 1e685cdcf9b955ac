/** Turns scrapes into series with the site's labels, and says when a series ended. */
import { METRIC_NAME, seriesKey, type Labels, type TimeSeries } from "../series.ts";
import type { ParsedSample } from "../text-format/parse.ts";
import { targetKey, type Target } from "./targets.ts";

/** What a target's scrape gave: samples, or why there are none. */
export type ScrapeResult = { samples: ParsedSample[] } | { error: string };

/** Labels that the agent gives to every series of a target; `job` and `instance` as Prometheus would. */
function targetLabels(cluster: string, target: Target): Labels {
  const { namespace, service, pod, host, port } = target;
  return { cluster, namespace, service, pod, job: service, instance: `${host}:${port}` };
}

/** The scraped labels under the target's; a scraped label of the same name moves to `exported_…`. */
function merge(scraped: Labels, own: Labels): Labels {
  const renamed = Object.entries(scraped).map(([name, value]) =>
    Object.hasOwn(own, name) ? [`exported_${name}`, value] : [name, value],
  );
  return { ...Object.fromEntries(renamed), ...own };
}

/** Keeps, by target, which series the last scrape had; a series that is missing next time gets a staleness marker. */
export class Collector {
  readonly #cluster: string;
  readonly #live = new Map<string, { target: Target; series: Map<string, Labels> }>();

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  /** One target's scrape at `time` (milliseconds), with `up` and markers for series that ended. */
  collect(target: Target, result: ScrapeResult, time: number): TimeSeries[] {
    const own = targetLabels(this.#cluster, target);
    const series = new Map<string, Labels>();
    const collected: TimeSeries[] = [];
    for (const sample of "samples" in result ? result.samples : []) {
      const labels = merge(sample.labels, own);
      const key = seriesKey(labels);
      if (series.has(key)) continue;
      series.set(key, labels);
      collected.push({ labels, samples: [{ timestamp: time, value: sample.value }] });
    }
    const up = { [METRIC_NAME]: "up", ...own };
    series.set(seriesKey(up), up);
    collected.push({ labels: up, samples: [{ timestamp: time, value: "samples" in result ? 1 : 0 }] });
    const key = targetKey(target);
    const before = this.#live.get(key)?.series ?? new Map<string, Labels>();
    this.#live.set(key, { target, series });
    return [...collected, ...ended(before, series, time)];
  }

  /** Markers for targets that are not among `targets` any more. */
  forget(targets: readonly Target[], time: number): TimeSeries[] {
    const kept = new Set(targets.map(targetKey));
    const markers: TimeSeries[] = [];
    for (const [key, { series }] of this.#live) {
      if (kept.has(key)) continue;
      markers.push(...ended(series, new Map(), time));
      this.#live.delete(key);
    }
    return markers;
  }
}

function ended(
  before: ReadonlyMap<string, Labels>,
  now: ReadonlyMap<string, Labels>,
  time: number,
): TimeSeries[] {
  return [...before]
    .filter(([key]) => !now.has(key))
    .map(([, labels]) => ({ labels, samples: [{ timestamp: time, value: null }] }));
}
