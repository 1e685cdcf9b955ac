import type {
  Application,
  ApplicationCondition,
  ApplicationStatus,
  HealthStatusCode,
  ManifestWork,
  OperationPhase,
  SyncStatusCode,
} from "@ai-edge/api";
import { Application as ApplicationType } from "@ai-edge/api";
import { findCondition, formatTime } from "@ai-edge/apimachinery";
import { FEEDBACK_PATHS } from "./work.ts";

export type Feedback = Partial<Record<(typeof FEEDBACK_PATHS)[number]["name"], string>>;

/** What the site says about the Application in a work. */
export function feedbackOf(work: ManifestWork): Feedback {
  const manifest = work.status?.resourceStatus?.manifests?.find(
    ({ resourceMeta }) => resourceMeta.kind === ApplicationType.kind,
  );
  const values = new Map(
    (manifest?.statusFeedback?.values ?? []).map(({ name, fieldValue }) => [name, fieldValue.string]),
  );
  return Object.fromEntries(
    FEEDBACK_PATHS.flatMap(({ name }) => (values.get(name) === undefined ? [] : [[name, values.get(name)]])),
  );
}

/** The hub Application's status from the site's word; without any word it stays as it is. */
export function hubStatus(app: Application, work: ManifestWork, now: Date): ApplicationStatus | undefined {
  const feedback = feedbackOf(work);
  const conditions = conditionsOf(app, work, feedback, now);
  if (Object.keys(feedback).length === 0) {
    return conditions.length === 0 && app.status === undefined ? undefined : { ...app.status, conditions };
  }
  const { source, destination } = app.spec;
  const { syncStatus, syncRevision, reconciledAt } = feedback;
  return {
    ...app.status,
    ...(isSyncStatus(syncStatus)
      ? {
          sync: {
            status: syncStatus,
            ...(syncRevision === undefined ? {} : { revision: syncRevision }),
            comparedTo: { destination, ...(source === undefined ? {} : { source }) },
          },
        }
      : {}),
    ...healthOf(app, feedback, now),
    ...operationOf(feedback),
    ...(reconciledAt === undefined ? {} : { reconciledAt }),
    conditions,
  };
}

function healthOf(
  app: Application,
  { healthStatus, healthMessage }: Feedback,
  now: Date,
): Pick<ApplicationStatus, "health"> {
  if (!isHealthStatus(healthStatus)) return {};
  const before = app.status?.health;
  const since = before?.status === healthStatus ? before.lastTransitionTime : undefined;
  return {
    health: {
      status: healthStatus,
      ...(healthMessage === undefined || healthMessage === "" ? {} : { message: healthMessage }),
      lastTransitionTime: since ?? formatTime(now),
    },
  };
}

function operationOf(feedback: Feedback): Pick<ApplicationStatus, "operationState"> {
  const {
    operationStatePhase: phase,
    operationStateMessage: message,
    operationStateStartedAt: startedAt,
    operationStateFinishedAt: finishedAt,
  } = feedback;
  if (!isPhase(phase) || startedAt === undefined) return {};
  const { syncRevision } = feedback;
  return {
    operationState: {
      operation: {},
      phase,
      startedAt,
      ...(message === undefined ? {} : { message }),
      ...(finishedAt === undefined ? {} : { finishedAt }),
      ...(syncRevision === undefined ? {} : { syncResult: { revision: syncRevision } }),
    },
  };
}

/** The site's first condition, and what keeps the work from arriving. */
function conditionsOf(
  app: Application,
  work: ManifestWork,
  { conditionType, conditionMessage }: Feedback,
  now: Date,
): ApplicationCondition[] {
  const conditions: ApplicationCondition[] = [];
  if (isConditionType(conditionType))
    conditions.push({ type: conditionType, message: conditionMessage ?? "" });
  const applied = findCondition(work.status?.conditions, "Applied");
  if (applied?.status === "False") {
    conditions.push({
      type: "SyncError",
      message: `the Application could not be applied at ${work.metadata.namespace ?? ""}: ${applied.message ?? applied.reason ?? ""}`,
    });
  }
  return conditions.map((condition) => {
    const same = app.status?.conditions?.find(
      ({ type, message }) => type === condition.type && message === condition.message,
    );
    return { ...condition, lastTransitionTime: same?.lastTransitionTime ?? formatTime(now) };
  });
}

function isSyncStatus(text: string | undefined): text is SyncStatusCode {
  return text === "Synced" || text === "OutOfSync" || text === "Unknown";
}

const HEALTH: readonly string[] = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"];
const PHASES: readonly string[] = ["Running", "Terminating", "Failed", "Error", "Succeeded"];

function isHealthStatus(text: string | undefined): text is HealthStatusCode {
  return text !== undefined && HEALTH.includes(text);
}

function isPhase(text: string | undefined): text is OperationPhase {
  return text !== undefined && PHASES.includes(text);
}

function isConditionType(text: string | undefined): text is ApplicationCondition["type"] {
  return text !== undefined && /^[A-Za-z]+(Error|Warning)$/.test(text);
}
