/**
 * The series of both serving runtimes that upstream's sites run, with their names, labels and buckets, so that its
 * metric allowlist and dashboard work unchanged: MLServer's `rest_server_*` and `parallel_request_queue`, OpenVINO
 * Model Server's `ovms_*` (acm/odh-edge/base/files/uwl_metrics_list.yaml).
 */
import { HistogramFamily, ValueFamily, type Labels } from "./family.ts";

/** Bounds of the Python Prometheus client, which MLServer uses; seconds. */
const MLSERVER_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** OVMS: floor(10 · 1.8^i) microseconds (src/model_metric_reporter.cpp). */
const OVMS_BOUNDS = Array.from({ length: 33 }, (_, index) => Math.floor(10 * 1.8 ** index));

export type Api = "KServe" | "TensorFlowServing";
export type ApiMethod =
  | "ModelInfer"
  | "ModelMetadata"
  | "ModelReady"
  | "Predict"
  | "GetModelStatus"
  | "GetModelMetadata";

const METHODS: readonly (readonly [Api, ApiMethod])[] = [
  ["KServe", "ModelInfer"],
  ["KServe", "ModelMetadata"],
  ["KServe", "ModelReady"],
  ["TensorFlowServing", "Predict"],
  ["TensorFlowServing", "GetModelStatus"],
  ["TensorFlowServing", "GetModelMetadata"],
];

/** Methods that OVMS counts without a version. */
const VERSIONLESS: ReadonlySet<ApiMethod> = new Set<ApiMethod>(["ModelReady", "GetModelStatus"]);

export interface ModelIdentity {
  name: string;
  version: string;
  digest: string;
  format: string;
}

export class ServerMetrics {
  readonly #restTotal = new ValueFamily("rest_server_requests_total", "counter", "Total HTTP requests");
  readonly #restDuration = new HistogramFamily(
    "rest_server_request_duration_seconds",
    MLSERVER_BOUNDS,
    "HTTP request duration, in seconds",
  );
  readonly #restInProgress = new ValueFamily(
    "rest_server_requests_in_progress",
    "gauge",
    "Total HTTP requests currently in progress",
  );
  readonly #queue = new HistogramFamily(
    "parallel_request_queue",
    MLSERVER_BOUNDS,
    "counter of request queue size for workers",
  );
  readonly #success = new ValueFamily("ovms_requests_success", "counter", "Number of successful requests.");
  readonly #fail = new ValueFamily("ovms_requests_fail", "counter", "Number of failed requests.");
  readonly #requestTime = new HistogramFamily(
    "ovms_request_time_us",
    OVMS_BOUNDS,
    "Processing time of requests, in microseconds.",
  );
  readonly #inferenceTime = new HistogramFamily(
    "ovms_inference_time_us",
    OVMS_BOUNDS,
    "Inference execution time, in microseconds.",
  );
  readonly #waitTime = new HistogramFamily(
    "ovms_wait_for_infer_req_time_us",
    OVMS_BOUNDS,
    "Request waiting time in the scheduling queue, in microseconds.",
  );
  readonly #streams = new ValueFamily("ovms_streams", "gauge", "Number of inference streams.");
  readonly #active = new ValueFamily(
    "ovms_infer_req_active",
    "gauge",
    "Number of inference requests running.",
  );
  readonly #queueSize = new ValueFamily(
    "ovms_infer_req_queue_size",
    "gauge",
    "Inference request queue size.",
  );
  readonly #info = new ValueFamily("ai_edge_model_info", "gauge", "The model that is served, by digest.");
  readonly #memory = new ValueFamily(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory size in bytes.",
  );
  #model: ModelIdentity | undefined;
  #running = 0;

  /** Creates the zero series of a model, as OVMS does when it loads one. */
  modelLoaded(model: ModelIdentity): void {
    this.#model = model;
    const { name, version } = model;
    for (const [api, method] of METHODS) {
      const labels = this.#methodLabels(api, method);
      this.#success.add(labels, 0);
      this.#fail.add(labels, 0);
    }
    this.#requestTime.touch({ name, version, interface: "REST" });
    this.#inferenceTime.touch({ name, version });
    this.#waitTime.touch({ name, version });
    this.#queue.touch({});
    this.#streams.set({ name, version }, 1);
    this.#queueSize.set({ name, version }, 1);
    this.#active.set({ name, version }, 0);
    this.#info.set({ name, version, digest: model.digest, format: model.format }, 1);
  }

  #methodLabels(api: Api, method: ApiMethod): Labels {
    const name = this.#model?.name ?? "";
    const rest = { api, method, interface: "REST" };
    return VERSIONLESS.has(method)
      ? { name, ...rest }
      : { name, version: this.#model?.version ?? "", ...rest };
  }

  /** One call of a model API ended. `seconds` is its whole processing time. */
  apiCall(api: Api, method: ApiMethod, ok: boolean, seconds: number): void {
    (ok ? this.#success : this.#fail).add(this.#methodLabels(api, method));
    if (ok && (method === "ModelInfer" || method === "Predict")) {
      const { name = "", version = "" } = this.#model ?? {};
      this.#requestTime.observe({ name, version, interface: "REST" }, seconds * 1e6);
    }
  }

  /** An inference starts after having waited for its turn; call the result when it ends. */
  inferenceStarts(now: () => number, waitedMs = 0): () => void {
    const { name = "", version = "" } = this.#model ?? {};
    const started = now();
    this.#running++;
    this.#queue.observe({}, this.#running);
    this.#waitTime.observe({ name, version }, waitedMs * 1e3);
    this.#active.set({ name, version }, this.#running);
    return () => {
      this.#running--;
      this.#active.set({ name, version }, this.#running);
      this.#inferenceTime.observe({ name, version }, (now() - started) * 1e3);
    };
  }

  requestStarts(method: string): void {
    this.#restInProgress.add({ method, app_name: "mlserver" });
  }

  requestEnds(method: string, path: string, status: number, seconds: number): void {
    this.#restInProgress.add({ method, app_name: "mlserver" }, -1);
    const labels = { method, path, status_code: String(status), app_name: "mlserver" };
    this.#restTotal.add(labels);
    this.#restDuration.observe(labels, seconds);
  }

  /** The Prometheus text format, version 0.0.4. */
  text(): string {
    this.#memory.set({}, process.memoryUsage.rss());
    const families = [
      this.#restTotal,
      this.#restDuration,
      this.#restInProgress,
      this.#queue,
      this.#success,
      this.#fail,
      this.#requestTime,
      this.#inferenceTime,
      this.#waitTime,
      this.#streams,
      this.#active,
      this.#queueSize,
      this.#info,
      this.#memory,
    ];
    return families.map((family) => family.text()).join("");
  }
}
