import type { EndpointSlice, Service } from "@ai-edge/api";
import { describe, expect, it } from "vitest";
import { Collector } from "./collector.ts";
import { discoverTargets, type Target } from "./targets.ts";

interface ServiceOptions {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}
const service = (name: string, { annotations = {}, labels = {} }: ServiceOptions = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "ns", annotations, labels },
  spec: {},
});
const slice = (
  of: string,
  ports: EndpointSlice["ports"],
  endpoints: EndpointSlice["endpoints"],
): EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: `${of}-x`, namespace: "ns", labels: { "kubernetes.io/service-name": of } },
  addressType: "IPv4",
  ...(ports === undefined ? {} : { ports }),
  ...(endpoints === undefined ? {} : { endpoints }),
});
const pod = (ip: string, conditions: { ready?: boolean; serving?: boolean } = { ready: true }) => ({
  addresses: [ip],
  conditions,
  targetRef: { kind: "Pod", name: `pod-${ip}` },
});
const HTTP = { name: "http", port: 8080 };
const METRICS = { name: "metrics", port: 8082 };

describe("discoverTargets", () => {
  it.each<[string, Service[], EndpointSlice[], string[]]>([
    [
      "a metrics port",
      [service("m")],
      [slice("m", [HTTP, METRICS], [pod("1.1.1.1"), pod("1.1.1.2")])],
      ["m/pod-1.1.1.1 1.1.1.1:8082/metrics", "m/pod-1.1.1.2 1.1.1.2:8082/metrics"],
    ],
    [
      "http of a model",
      [service("m", { labels: { "model-name": "x" } })],
      [slice("m", [HTTP], [pod("1.1.1.1")])],
      ["m/pod-1.1.1.1 1.1.1.1:8080/metrics"],
    ],
    ["http of something else", [service("m")], [slice("m", [HTTP], [pod("1.1.1.1")])], []],
    [
      "annotations",
      [
        service("m", {
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9",
            "prometheus.io/path": "stats",
          },
        }),
      ],
      [slice("m", [HTTP], [pod("1.1.1.1")])],
      ["m/pod-1.1.1.1 1.1.1.1:9/stats"],
    ],
    [
      "opting out",
      [service("m", { annotations: { "prometheus.io/scrape": "false" } })],
      [slice("m", [METRICS], [pod("1.1.1.1")])],
      [],
    ],
    [
      "pods that are not ready",
      [service("m")],
      [
        slice(
          "m",
          [METRICS],
          [pod("1.1.1.1", { ready: false }), pod("1.1.1.2", { ready: false, serving: true })],
        ),
      ],
      ["m/pod-1.1.1.2 1.1.1.2:8082/metrics"],
    ],
    [
      "two Services before one pod",
      [service("b"), service("a")],
      [slice("a", [METRICS], [pod("1.1.1.1")]), slice("b", [METRICS], [pod("1.1.1.1")])],
      ["a/pod-1.1.1.1 1.1.1.1:8082/metrics"],
    ],
    ["no endpoints", [service("m")], [slice("m", undefined, undefined)], []],
  ])("%s", (_, services, slices, expected) => {
    const shown = discoverTargets(services, slices).map(
      (t) => `${t.service}/${t.pod} ${t.host}:${t.port}${t.path}`,
    );
    expect(shown).toEqual(expected);
  });
});

describe("Collector", () => {
  const target: Target = {
    namespace: "ns",
    service: "m",
    pod: "p",
    host: "1.1.1.1",
    port: 8082,
    path: "/metrics",
  };
  const own = { cluster: "c", namespace: "ns", service: "m", pod: "p", job: "m", instance: "1.1.1.1:8082" };
  const scraped = (name: string, labels: Record<string, string> = {}) => ({
    labels: { __name__: name, ...labels },
    value: 1,
  });

  it("adds the site's labels, keeps clashing ones as exported, and marks what ended", () => {
    const collector = new Collector("c");
    expect(
      collector.collect(
        target,
        { samples: [scraped("a", { pod: "mine", cluster: "forged" }), scraped("b")] },
        1,
      ),
    ).toEqual([
      {
        labels: { __name__: "a", exported_pod: "mine", exported_cluster: "forged", ...own },
        samples: [{ timestamp: 1, value: 1 }],
      },
      { labels: { __name__: "b", ...own }, samples: [{ timestamp: 1, value: 1 }] },
      { labels: { __name__: "up", ...own }, samples: [{ timestamp: 1, value: 1 }] },
    ]);
    expect(collector.collect(target, { error: "away" }, 2)).toEqual([
      { labels: { __name__: "up", ...own }, samples: [{ timestamp: 2, value: 0 }] },
      {
        labels: { __name__: "a", exported_pod: "mine", exported_cluster: "forged", ...own },
        samples: [{ timestamp: 2, value: null }],
      },
      { labels: { __name__: "b", ...own }, samples: [{ timestamp: 2, value: null }] },
    ]);
    expect(collector.forget([target], 3)).toEqual([]);
    expect(collector.forget([], 4)).toEqual([
      { labels: { __name__: "up", ...own }, samples: [{ timestamp: 4, value: null }] },
    ]);
    expect(collector.forget([], 5)).toEqual([]);
  });
});
