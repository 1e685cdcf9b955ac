import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Labels, TimeSeries } from "../series.ts";
import { createMetricsStore, type MetricsStore } from "../store/store.ts";
import { QueryError } from "./ast.ts";
import { evaluateInstant, evaluateRange } from "./evaluate.ts";
import type { Value } from "./value.ts";

const MINUTE = 60_000;
/** Every query is asked at minute 10. */
const NOW = 10 * MINUTE;

/** Values by minute from minute `first` on; null is a staleness marker, undefined a missing scrape. */
const by = (labels: Labels, values: (number | null | undefined)[], first = 0): TimeSeries => ({
  labels,
  samples: values.flatMap((value, index) =>
    value === undefined ? [] : [{ timestamp: (first + index) * MINUTE, value }],
  ),
});
const counting = (step: number, count = 11): number[] =>
  Array.from({ length: count }, (_, index) => index * step);

const DATA: TimeSeries[] = [
  by({ __name__: "requests", cluster: "a", pod: "1" }, counting(60)),
  by({ __name__: "requests", cluster: "a", pod: "2" }, counting(120)),
  by({ __name__: "requests", cluster: "b", pod: "3" }, counting(6)),
  by({ __name__: "errors", cluster: "a" }, counting(18)),
  by({ __name__: "reset" }, [0, 60, 120, 0, 60, 120, 180, 240, 0, 60, 120]),
  by({ __name__: "young" }, [0, 30], 9),
  by({ __name__: "young_high" }, [600, 660], 9),
  by({ __name__: "lonely" }, [5], 10),
  by({ __name__: "gone" }, [1, 2, null], 6),
  by({ __name__: "silent" }, [7], 4),
  by({ __name__: "late" }, [7], 6),
  by({ __name__: "temperature", room: "x" }, [10, 12, 8, 8, 20], 6),
  by({ __name__: "odd" }, [Number.NaN], 10),
  ...[
    ["0.1", 10],
    ["0.5", 30],
    ["1", 60],
    ["+Inf", 60],
  ].map(([le, count]) =>
    by({ __name__: "seconds_bucket", cluster: "a", le: String(le) }, [Number(count)], 10),
  ),
  ...[
    ["0.1", 0],
    ["+Inf", 4],
  ].map(([le, count]) =>
    by({ __name__: "seconds_bucket", cluster: "b", le: String(le) }, [Number(count)], 10),
  ),
];

let directory: string;
let store: MetricsStore;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "promql-"));
  store = createMetricsStore({ dataDir: directory, retention: 1e12, now: () => new Date(NOW) });
  store.append(DATA);
});
afterAll(async () => {
  store.close();
  await rm(directory, { recursive: true });
});

/** `name{a="b"} value` lines, sorted; a scalar as its number. */
function shown(value: Value): string[] | number | string {
  if (value.type === "scalar" || value.type === "string") return value.value;
  if (value.type === "range")
    return value.series.map((series) => `${JSON.stringify(series.labels)} ×${series.samples.length}`);
  const lines = value.elements.map(({ labels: { __name__: name = "", ...labels }, value: number }) => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${name}{${list.toSorted().join()}} ${Number(number.toPrecision(12))}`;
  });
  return lines.toSorted();
}

const ask = (query: string): unknown => shown(evaluateInstant(store, query, NOW));

describe("selectors", () => {
  it.each<[string, string[]]>([
    [
      "requests",
      [
        'requests{cluster="a",pod="1"} 600',
        'requests{cluster="a",pod="2"} 1200',
        'requests{cluster="b",pod="3"} 60',
      ],
    ],
    ['requests{cluster="b"}', ['requests{cluster="b",pod="3"} 60']],
    ['{__name__="requests",pod!="1",cluster=~"a|c"}', ['requests{cluster="a",pod="2"} 1200']],
    ['requests{cluster!~"a.*"}', ['requests{cluster="b",pod="3"} 60']],
    [
      'requests{cluster=~"."}',
      [
        'requests{cluster="a",pod="1"} 600',
        'requests{cluster="a",pod="2"} 1200',
        'requests{cluster="b",pod="3"} 60',
      ],
    ],
    ['temperature{cluster=""}', ['temperature{room="x"} 20']],
    ["requests{pod='1'} offset 5m", ['requests{cluster="a",pod="1"} 300']],
    ["late", ["late{} 7"]],
    ["silent", []],
    ["gone", []],
    ["gone offset 3m", ["gone{} 2"]],
    ["nothing", []],
    ["odd", ["odd{} NaN"]],
  ])("%s", (query, expected) => {
    expect(ask(query)).toEqual(expected);
  });
});

describe("rates, extrapolated as Prometheus does", () => {
  it.each<[string, string, string[]]>([
    // 5 samples over 240 s in (5m, 10m]: +240, extrapolated to 300 s.
    ["a steady counter is exact", 'rate(requests{pod="1"}[5m])', ['{cluster="a",pod="1"} 1']],
    ["increase is rate times range", 'increase(requests{pod="1"}[5m])', ['{cluster="a",pod="1"} 300']],
    // 60 120 0 60 … 240 0 60 120 in (0, 10m]: 60 from first to last, 120 and 240 hidden by resets; 420 over 540 of 600 s.
    ["resets add what they hid", "increase(reset[10m])", ["{} 466.666666667"]],
    ["a series that begins at zero is not extrapolated below it", "increase(young[10m])", ["{} 30"]],
    // 60 in 60 s; begins inside the range, so half a distance (30 s) is added before: 60 · 90 / 60.
    ["a series that begins high gets half a distance", "increase(young_high[10m])", ["{} 90"]],
    ["one sample is no rate", "rate(lonely[5m])", []],
    ["irate takes the last two", 'irate(requests{pod="2"}[5m])', ['{cluster="a",pod="2"} 2']],
    ["irate after a reset", "irate(reset[3m] offset 2m)", ["{} 0"]],
    ["delta falls too", "delta(temperature[5m])", ['{room="x"} 12.5']],
    ["changes", "changes(temperature[5m])", ['{room="x"} 3']],
    ["resets", "resets(reset[11m])", ["{} 2"]],
  ])("%s", (_, query, expected) => {
    expect(ask(query)).toEqual(expected);
  });
});

describe("aggregation, functions and operators", () => {
  it.each<[string, unknown]>([
    ["sum by (cluster) (rate(requests[5m]))", ['{cluster="a"} 3', '{cluster="b"} 0.1']],
    ["sum(rate(requests[5m]) * 60) by(cluster)", ['{cluster="a"} 180', '{cluster="b"} 6']],
    ["sum without (pod) (requests)", ['{cluster="a"} 1800', '{cluster="b"} 60']],
    ["sum(requests)", ["{} 1860"]],
    ["avg(requests)", ["{} 620"]],
    ["min by (cluster) (requests)", ['{cluster="a"} 600', '{cluster="b"} 60']],
    ["max(requests)", ["{} 1200"]],
    ["count by (cluster) (requests)", ['{cluster="a"} 2', '{cluster="b"} 1']],
    ["topk(1, requests)", ['requests{cluster="a",pod="2"} 1200']],
    ["bottomk(1, requests)", ['requests{cluster="b",pod="3"} 60']],
    ["sum(nothing)", []],
    ["avg_over_time(temperature[5m])", ['{room="x"} 11.6']],
    ["max_over_time(temperature[5m])", ['{room="x"} 20']],
    ["last_over_time(gone[5m])", ["gone{} 2"]],
    ["count_over_time(gone[5m])", ["{} 2"]],
    ['histogram_quantile(0.5, seconds_bucket{cluster="a"})', ['{cluster="a"} 0.5']],
    ['histogram_quantile(0.75, seconds_bucket{cluster="a"})', ['{cluster="a"} 0.75']],
    ['histogram_quantile(0.05, seconds_bucket{cluster="a"})', ['{cluster="a"} 0.03']],
    ["histogram_quantile(0.9, seconds_bucket)", ['{cluster="a"} 0.9', '{cluster="b"} 0.1']],
    ["errors / on_missing", []],
    ["sum by (cluster) (errors) / sum by (cluster) (requests)", ['{cluster="a"} 0.1']],
    ["requests > 100", ['requests{cluster="a",pod="1"} 600', 'requests{cluster="a",pod="2"} 1200']],
    [
      "requests > bool 100",
      ['{cluster="a",pod="1"} 1', '{cluster="a",pod="2"} 1', '{cluster="b",pod="3"} 0'],
    ],
    ["1000 < requests", ['requests{cluster="a",pod="2"} 1200']],
    ["-lonely + 2 * 3 ^ 2", ["{} 13"]],
    ["2 ^ 3 ^ 2", 512],
    ["-2 ^ 2", -4],
    ["(1 + 2) * 3 % 4", 1],
    ["1 > bool 2", 0],
    ["time() / 60", 10],
    ["scalar(lonely) * 2", 10],
    ["vector(3)", ["{} 3"]],
    ["round(temperature / 3, 0.5)", ['{room="x"} 6.5']],
    ['absent(nothing{a="b"})', ['{a="b"} 1']],
    ["absent(lonely)", []],
    ["lonely # a comment", ["lonely{} 5"]],
    ['"text"', "text"],
    ["Inf", Number.POSITIVE_INFINITY],
  ])("%s", (query, expected) => {
    expect(ask(query)).toEqual(expected);
  });
});

describe("what is refused", () => {
  it.each([
    ["", /unexpected "end of query"/],
    ["requests{", /expected a label name|unexpected/],
    ["requests{a}", /expected a label matcher/],
    ['requests{a="b"', /expected "," or "}"/],
    ["{}", /at least one non-empty matcher/],
    ['{a=~".*"}', /at least one non-empty matcher/],
    ['requests{a=~"("}', /is not a regular expression/],
    ["rate(requests)", /rate needs a range such as metric\[5m\], got a vector/],
    ["rate(requests[5])", /expected a duration/],
    ["requests[5m:1m]", /subqueries are not supported/],
    ["sum(requests[5m])", /sum needs an instant vector, got a range/],
    ["predict_linear(requests[5m], 1)", /function "predict_linear" is not known or not supported/],
    ["requests and errors", /"and" at character 10 is not supported/],
    ["requests / on(cluster) errors", /"on" at character 12 is not supported/],
    ["requests @ 5", /the @ modifier/],
    ["1 > 2", /must use bool/],
    ["requests offset", /expected a duration/],
    ["rate(requests[5m], 1)", /does not take 2 argument/],
    ["topk(requests)", /topk needs 2 argument/],
    ["requests ! 1", /unexpected "!"/],
    ["requests + -errors offset 1", /expected a duration/],
    ["(".repeat(500), /nested deeper than/],
    ["x".repeat(20_000), /longer than/],
  ])("%s", (query, message) => {
    const run = (): unknown => evaluateInstant(store, query, NOW);
    expect(run).toThrow(QueryError);
    expect(run).toThrow(message);
  });

  it("two series that end with the same labels", () => {
    expect(() => evaluateInstant(store, '{__name__=~"young|lonely"} * 1', NOW)).toThrow(/same labelset/);
  });
});

describe("range queries", () => {
  it("evaluate at every step, a gap staying a gap", () => {
    expect(evaluateRange(store, "gone", { start: 5 * MINUTE, end: 9 * MINUTE, step: MINUTE })).toEqual([
      {
        labels: { __name__: "gone" },
        points: [
          [6 * MINUTE, 1],
          [7 * MINUTE, 2],
        ],
      },
    ]);
    expect(evaluateRange(store, "1", { start: 0, end: 2, step: 1 })).toEqual([
      {
        labels: {},
        points: [
          [0, 1],
          [1, 1],
          [2, 1],
        ],
      },
    ]);
  });

  it.each([
    ["a step of nothing", { start: 0, end: 1, step: 0 }, /step must be longer/],
    ["backwards", { start: 2, end: 1, step: 1 }, /before start/],
    ["too many steps", { start: 0, end: 1e9, step: 1 }, /more than 11000 points/],
  ])("refuse %s", (_, range, message) => {
    expect(() => evaluateRange(store, "lonely", range)).toThrow(message);
  });
});
