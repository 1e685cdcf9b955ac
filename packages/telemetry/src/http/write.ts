/** Receiving end of Prometheus remote write 1.0. */
import type { IncomingMessage } from "node:http";
import { decodeWriteRequest, WireError } from "../remote-write/protobuf.ts";
import { snappyDecompress } from "../remote-write/snappy.ts";
import {
  LABEL_NAME_PATTERN,
  METRIC_NAME,
  METRIC_NAME_PATTERN,
  type Labels,
  type TimeSeries,
} from "../series.ts";
import { StoreFullError, type MetricsStore } from "../store/store.ts";
import { ApiError } from "./answer.ts";
import { readBody } from "./request.ts";

/** Prometheus sends 2,000 samples per request, under 100 kB; senders that batch more should batch less. */
const MAX_COMPRESSED_BYTES = 4 * 1024 * 1024;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_LABEL_VALUE = 2_048;
/** Clocks differ; a sample further ahead would hide real ones of its series for that long. */
const MAX_FUTURE_MS = 10 * 60_000;

function checkLabels(labels: Labels): void {
  const name = labels[METRIC_NAME] ?? "";
  if (!METRIC_NAME_PATTERN.test(name))
    throw new WireError(`${JSON.stringify(name.slice(0, 100))} is not a metric name`);
  for (const [label, value] of Object.entries(labels)) {
    if (!LABEL_NAME_PATTERN.test(label))
      throw new WireError(`${JSON.stringify(label.slice(0, 100))} is not a label name`);
    if (value.length > MAX_LABEL_VALUE)
      throw new WireError(`label ${label} of ${name} is longer than ${MAX_LABEL_VALUE}`);
  }
}

/** The cluster label comes from who writes, not from what is written. */
function withCluster(series: TimeSeries, cluster: string | undefined): TimeSeries {
  if (cluster === undefined) return series;
  const claimed = series.labels["cluster"];
  if (claimed !== undefined && claimed !== cluster) {
    throw new WireError(
      `cluster ${cluster} may not write series of cluster ${JSON.stringify(claimed.slice(0, 100))}`,
    );
  }
  return { labels: { ...series.labels, cluster }, samples: series.samples };
}

/**
 * Decodes and stores one write request.
 *
 * @param cluster the only cluster that the writer may write for; undefined lets it write for any
 * @throws ApiError: 400 for what would be wrong again if it were sent again, 415 for another encoding
 */
export async function receiveWrite(
  request: IncomingMessage,
  store: MetricsStore,
  cluster: string | undefined,
  now: number,
): Promise<void> {
  const encoding = request.headers["content-encoding"] ?? "";
  const type = request.headers["content-type"] ?? "";
  if (encoding !== "snappy" || !type.startsWith("application/x-protobuf")) {
    throw new ApiError("bad_data", "expected content type application/x-protobuf with encoding snappy", 415);
  }
  if (type.includes("proto=io.prometheus.write.v2")) {
    throw new ApiError("bad_data", "remote write 2.0 is not supported; send version 1.0", 415);
  }
  const compressed = await readBody(request, MAX_COMPRESSED_BYTES);
  try {
    const series = decodeWriteRequest(snappyDecompress(compressed, MAX_BYTES)).map((one) =>
      withCluster(one, cluster),
    );
    for (const { labels, samples } of series) {
      checkLabels(labels);
      const ahead = samples.find(({ timestamp }) => timestamp > now + MAX_FUTURE_MS || timestamp < 0);
      if (ahead !== undefined)
        throw new WireError(`${labels[METRIC_NAME]}: time ${ahead.timestamp} is not plausible`);
    }
    store.append(series);
  } catch (error) {
    if (error instanceof WireError) throw new ApiError("bad_data", `remote write: ${error.message}`);
    // Retrying may help once series have aged out, so the sender keeps its data.
    if (error instanceof StoreFullError) throw new ApiError("internal", error.message, 503);
    throw error;
  }
}
