import { readFile, stat } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Service } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import { compareAnswers } from "@ai-edge/inference";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";
import { dnsLabel } from "./object-name.ts";

/** Golden requests travel in a ConfigMap (1 MiB at most); a volume may hold a larger one. */
const MAX_TEST_FILE_BYTES = 16 * 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MODEL_PORT = 8080;
/** First predictions load and compile; upstream's curl waits for ever. */
const ANSWER_TIMEOUT_MS = 60_000;
/** The Service may be a moment younger than its route to the Pod. */
const CONNECT_ATTEMPTS = 40;
const CONNECT_RETRY_MS = 250;

/** `test-model-rest-svc`: posts `data.json` and compares the answer with `output.json`. */
export const testModelRestService: NativeTask = {
  name: "test-model-rest-svc",
  run: async (call) => {
    const directory = call.requiredWorkspace("test-data");
    const question = await readTestFile(directory, "data.json");
    const expected = parseJson(
      await readTestFile(directory, "output.json"),
      "output.json of workspace test-data",
    );
    const url = await serviceUrl(call);
    call.log(`POST ${url}`);
    const answer = await post(call, url, question);
    call.log(`answer: ${answer.slice(0, 10_000)}`);
    const { equal, differences } = compareAnswers(expected, parseJson(answer, "the model's answer"));
    if (!equal) throw new TaskError(`the golden answer differs: ${differences.join("; ")}`);
    call.log("the answer is the golden one");
  },
};

/** Names of Services resolve inside pods only; from here the Service is reached by its cluster IP. */
async function serviceUrl(call: NativeTaskCall): Promise<string> {
  const name = dnsLabel(call.required("service-name"));
  const namespace = call.text("namespace") || call.namespace;
  const endpoint = call.required("test-endpoint").replace(/^\/+/, "");
  try {
    const service = await call.client.get(Service, { namespace, name });
    const host = service.spec.clusterIP;
    if (host === undefined || host === "" || host === "None")
      throw new TaskError(`Service ${namespace}/${name} has no cluster IP`);
    return `http://${host.includes(":") ? `[${host}]` : host}:${MODEL_PORT}/${endpoint}`;
  } catch (error) {
    if (isStatus(error, "NotFound"))
      throw new TaskError(`Service ${namespace}/${name} does not exist`, { cause: error });
    throw error;
  }
}

async function post(call: NativeTaskCall, url: string, body: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { status, text } = await postJson(
        url,
        body,
        AbortSignal.any([call.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      );
      if (status >= 200 && status < 300) return text;
      throw new TaskError(`POST ${url}: HTTP ${status}: ${text.slice(0, 500)}`);
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof TaskError) throw error;
      if (attempt >= CONNECT_ATTEMPTS)
        throw new TaskError(`POST ${url}: ${causeOf(error)}`, { cause: error });
      await delay(CONNECT_RETRY_MS, undefined, { signal: call.signal });
    }
  }
}

/** One request. Not by `fetch`, whose first use costs a process some 10 MB of resident memory for as long as it lives. */
async function postJson(
  url: string,
  body: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    request(url, { method: "POST", headers, signal, agent: false }, resolve).once("error", reject).end(body);
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new TaskError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}

async function readTestFile(directory: string, name: string): Promise<string> {
  const file = join(directory, name);
  const size = (await stat(file).catch(() => undefined))?.size;
  if (size === undefined) throw new TaskError(`workspace test-data has no ${name}`);
  if (size > MAX_TEST_FILE_BYTES)
    throw new TaskError(`${name} of workspace test-data is larger than ${MAX_TEST_FILE_BYTES} bytes`);
  return readFile(file, "utf8");
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TaskError(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
