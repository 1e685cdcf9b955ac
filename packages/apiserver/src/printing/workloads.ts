import { isConditionTrue, valueAt, type Condition, type UnstructuredObject } from "@ai-edge/apimachinery";
import type { Column } from "../resources/resource.ts";
import { humanDuration } from "./age.ts";
import { AGE, NAME } from "./columns.ts";
import {
  NONE,
  ageColumn,
  column,
  countColumn,
  numberAt,
  objectsAt,
  selectorText,
  textAt,
  textColumn,
  wide,
} from "./cells.ts";

function containerColumns(path: string): Column[] {
  const list = (field: string) => (object: UnstructuredObject) =>
    objectsAt(object, path)
      .map((container) => textAt(container, field) ?? "")
      .join(",");
  return [wide("Containers", list("name")), wide("Images", list("image"))];
}

const TEMPLATE = "spec.template.spec.containers";
const SELECTOR = wide("Selector", (object) => selectorText(valueAt(object, ["spec", "selector"])));

const readyOf =
  (desired: string) =>
  (object: UnstructuredObject): string =>
    `${numberAt(object, "status.readyReplicas")}/${numberAt(object, desired)}`;

export const DEPLOYMENT_COLUMNS: readonly Column[] = [
  NAME,
  column("Ready", "string", readyOf("spec.replicas")),
  countColumn("Up-to-date", "status.updatedReplicas"),
  countColumn("Available", "status.availableReplicas"),
  AGE,
  ...containerColumns(TEMPLATE),
  SELECTOR,
];

export const REPLICA_SET_COLUMNS: readonly Column[] = [
  NAME,
  countColumn("Desired", "spec.replicas"),
  countColumn("Current", "status.replicas"),
  countColumn("Ready", "status.readyReplicas"),
  AGE,
  ...containerColumns(TEMPLATE),
  SELECTOR,
];

export const STATEFUL_SET_COLUMNS: readonly Column[] = [
  NAME,
  column("Ready", "string", readyOf("spec.replicas")),
  AGE,
  ...containerColumns(TEMPLATE),
];

export const DAEMON_SET_COLUMNS: readonly Column[] = [
  NAME,
  countColumn("Desired", "status.desiredNumberScheduled"),
  countColumn("Current", "status.currentNumberScheduled"),
  countColumn("Ready", "status.numberReady"),
  countColumn("Up-to-date", "status.updatedNumberScheduled"),
  countColumn("Available", "status.numberAvailable"),
  column("Node Selector", "string", (object) =>
    selectorText(valueAt(object, ["spec", "template", "spec", "nodeSelector"])),
  ),
  AGE,
  ...containerColumns(TEMPLATE),
  SELECTOR,
];

export const JOB_COLUMNS: readonly Column[] = [
  NAME,
  column("Status", "string", (job) => jobStatus(job)),
  column("Completions", "string", (job) => {
    const wanted = valueAt(job, ["spec", "completions"]);
    const parallelism = numberAt(job, "spec.parallelism");
    const done = numberAt(job, "status.succeeded");
    if (typeof wanted === "number") return `${done}/${wanted}`;
    return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
  }),
  column("Duration", "string", (job, now) => {
    const start = textAt(job, "status.startTime");
    if (start === undefined) return "";
    const end = textAt(job, "status.completionTime");
    return humanDuration((end === undefined ? now.getTime() : Date.parse(end)) - Date.parse(start));
  }),
  AGE,
  ...containerColumns(TEMPLATE),
  SELECTOR,
];

function jobStatus(job: UnstructuredObject): string {
  const conditions = valueAt(job, ["status", "conditions"]);
  const list = Array.isArray(conditions) ? (conditions as Condition[]) : [];
  if (isConditionTrue(list, "Complete")) return "Complete";
  if (isConditionTrue(list, "Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  if (isConditionTrue(list, "Suspended")) return "Suspended";
  if (isConditionTrue(list, "FailureTarget")) return "FailureTarget";
  if (isConditionTrue(list, "SuccessCriteriaMet")) return "SuccessCriteriaMet";
  return "Running";
}

export const CRON_JOB_COLUMNS: readonly Column[] = [
  NAME,
  textColumn("Schedule", "spec.schedule", ""),
  textColumn("Timezone", "spec.timeZone"),
  column("Suspend", "string", (job) => (valueAt(job, ["spec", "suspend"]) === true ? "True" : "False")),
  column("Active", "integer", (job) => objectsAt(job, "status.active").length),
  column("Last Schedule", "string", (job, now) => {
    const last = textAt(job, "status.lastScheduleTime");
    return last === undefined ? NONE : humanDuration(now.getTime() - Date.parse(last));
  }),
  AGE,
  ...containerColumns("spec.jobTemplate.spec.template.spec.containers"),
  wide("Selector", (job) => selectorText(valueAt(job, ["spec", "jobTemplate", "spec", "selector"]))),
];

export const LEASE_COLUMNS: readonly Column[] = [NAME, textColumn("Holder", "spec.holderIdentity", ""), AGE];

export const EVENT_COLUMNS: readonly Column[] = [
  column("Last Seen", "string", (event, now) => {
    const seen =
      textAt(event, "lastTimestamp") ??
      textAt(event, "series.lastObservedTime") ??
      textAt(event, "eventTime") ??
      textAt(event, "firstTimestamp");
    return seen === undefined ? "<unknown>" : humanDuration(now.getTime() - Date.parse(seen));
  }),
  textColumn("Type", "type", ""),
  textColumn("Reason", "reason", ""),
  column(
    "Object",
    "string",
    (event) =>
      `${(textAt(event, "involvedObject.kind") ?? "").toLowerCase()}/${textAt(event, "involvedObject.name") ?? ""}`,
  ),
  wide("Subobject", (event) => textAt(event, "involvedObject.fieldPath") ?? ""),
  wide("Source", (event) => textAt(event, "source.component") ?? textAt(event, "reportingComponent") ?? ""),
  column("Message", "string", (event) => (textAt(event, "message") ?? "").trim()),
  { ...ageColumn("First Seen", "firstTimestamp"), priority: 1 },
  wide("Count", (event) => Math.max(1, numberAt(event, "count"))),
  { ...NAME, priority: 1 },
];
