import { isJsonObject } from "@ai-edge/apimachinery";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Field, type MessageType, TypeTable } from "../schema/type-table.ts";
import { MESSAGE_TYPES } from "./message-types.ts";

const TABLE = new TypeTable(MESSAGE_TYPES);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) + 128);
  }
}
const bytes = (number: number, data: Buffer | string): Buffer =>
  Buffer.concat([varint(number * 8 + 2), varint(Buffer.byteLength(data)), Buffer.from(data)]);
const integer = (number: number, value: number): Buffer => Buffer.concat([varint(number * 8), varint(value)]);

/** As Go does it: every field that is no pointer, list or map is written, set or not. */
function encodeMessage(object: Record<string, unknown>, type: MessageType): Buffer {
  return Buffer.concat(type.fields.flatMap((field) => encodeField(object, field)));
}

function encodeField(object: Record<string, unknown>, field: Field): Buffer[] {
  const value = field.name === "" ? object : object[field.name];
  const { container } = field.type;
  if (container === "list") return Array.isArray(value) ? value.map((one) => encodeValue(one, field)) : [];
  if (container === "map") {
    const one: Field = { ...field, number: 2 };
    return Object.entries(isJsonObject(value) ? value : {}).map(([key, item]) =>
      bytes(field.number, Buffer.concat([bytes(1, key), encodeValue(item, one)])),
    );
  }
  const isStruct = field.isValue || field.name === "";
  if (value === undefined && (field.isPointer || (field.type.message !== undefined && !isStruct))) return [];
  return [encodeValue(value, field)];
}

function textOf(value: unknown, empty = ""): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : empty;
}

function encodeValue(value: unknown, { number, type }: Field): Buffer {
  const message = type.message === undefined ? undefined : TABLE.find(type.message);
  if (message !== undefined) return bytes(number, encodeMessage(isJsonObject(value) ? value : {}, message));
  switch (type.scalar) {
    case "i":
      return integer(number, Number(value ?? 0));
    case "b":
      return integer(number, value === true ? 1 : 0);
    case "y":
      return bytes(number, Buffer.from(textOf(value), "base64"));
    case "q":
      return bytes(number, bytes(1, textOf(value, "0")));
    case "t":
      return bytes(number, "");
    case "x":
      return bytes(
        number,
        typeof value === "string"
          ? Buffer.concat([integer(1, 1), integer(2, 0), bytes(3, value)])
          : Buffer.concat([integer(1, 0), integer(2, Number(value ?? 0)), bytes(3, "")]),
      );
    default:
      return bytes(number, textOf(value));
  }
}

function encode(object: Record<string, unknown>): Buffer {
  const { apiVersion, kind } = object;
  const type = TABLE.find(`${String(apiVersion)}.${String(kind)}`);
  if (type === undefined) throw new Error(`no message for ${String(kind)}`);
  const identity = Buffer.concat([bytes(1, String(apiVersion)), bytes(2, String(kind))]);
  return Buffer.concat([Buffer.from("k8s\0"), bytes(1, identity), bytes(2, encodeMessage(object, type))]);
}

const CHOSEN_BY_SERVER = /uid$|^creationTimestamp$|^managedFields$|^clusterIPs?$/;

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer();
});
afterAll(() => api.close());

async function store(path: string, body: Buffer | string, contentType: string): Promise<unknown> {
  const response = await api.client.request("POST", `${path}?dryRun=All`, {
    body,
    headers: { "content-type": contentType },
  });
  const object: unknown = JSON.parse(await response.text());
  return JSON.parse(
    JSON.stringify(object, (key, value: unknown) => (CHOSEN_BY_SERVER.test(key) ? undefined : value)),
  );
}

const labels = { app: "a" };
const container = {
  name: "c",
  image: "registry.example/i:1",
  env: [
    { name: "PLAIN", value: "1" },
    { name: "EMPTY" },
    { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
    { name: "KEY", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: false } } },
  ],
  ports: [{ containerPort: 8080 }],
  readinessProbe: { httpGet: { path: "/", port: "http" }, initialDelaySeconds: 3 },
  securityContext: { runAsUser: 0, allowPrivilegeEscalation: false },
  volumeMounts: [{ name: "v", mountPath: "/v" }],
};
const podSpec = { containers: [container], volumes: [{ name: "v", emptyDir: {} }] };

describe("the same object as JSON and as protobuf is stored the same", () => {
  const apps = "/apis/apps/v1/namespaces/default";
  const core = "/api/v1/namespaces/default";
  it.each<[string, Record<string, unknown>]>([
    ["/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "n", labels } }],
    [`${core}/pods`, { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: podSpec }],
    [
      `${apps}/deployments`,
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "d", labels },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podSpec },
        },
      },
    ],
    [
      `${core}/services`,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "s" },
        spec: {
          selector: labels,
          ports: [
            { name: "a", port: 80 },
            { name: "b", port: 81, targetPort: "http" },
          ],
        },
      },
    ],
    [
      `${core}/secrets`,
      { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "dg==", empty: "" } },
    ],
    [
      "/apis/batch/v1/namespaces/default/jobs",
      {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "j" },
        spec: { backoffLimit: 0, template: { spec: { ...podSpec, restartPolicy: "Never" } } },
      },
    ],
    [
      "/apis/batch/v1/namespaces/default/cronjobs",
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "c" },
        spec: {
          schedule: "* * * * *",
          jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } },
        },
      },
    ],
    [
      "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "r" },
        subjects: [{ kind: "ServiceAccount", name: "x", namespace: "default" }],
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      },
    ],
    [
      "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "n" },
        spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from: [{ podSelector: {} }] }] },
      },
    ],
    [
      "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: { name: "b" },
        spec: { minAvailable: 0, selector: { matchLabels: labels } },
      },
    ],
    [
      "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
      {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "h" },
        spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" } },
      },
    ],
  ])("%s", async (path, object) => {
    const asJson = await store(path, JSON.stringify(object), "application/json");
    expect(await store(path, encode(object), "application/vnd.kubernetes.protobuf")).toEqual(asJson);
  });
});
