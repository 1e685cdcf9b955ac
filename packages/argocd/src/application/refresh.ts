import { ANNOTATION_REFRESH, type Application } from "@ai-edge/api";

/** When a refresh was asked for (Argo CD 3.5): tells one request from the next. */
export const ANNOTATION_REFRESH_TIMESTAMP = "argocd.argoproj.io/refresh-timestamp";
/** Which refresh request was served last: lets the hub take back exactly the one that it sent. */
export const ANNOTATION_REFRESHED = "aiedge.dev/refreshed";

/** `normal`, `hard`, or undefined when nobody asks, or the request was served already. */
export function refreshRequest(app: Application): string | undefined {
  const annotations = app.metadata.annotations ?? {};
  const stamp = annotations[ANNOTATION_REFRESH_TIMESTAMP];
  if (stamp !== undefined && stamp === annotations[ANNOTATION_REFRESHED]) return undefined;
  return annotations[ANNOTATION_REFRESH];
}

/**
 * The Application with its request used up. One with a timestamp is noted as served: who sent it takes it back, or the
 * work agent, which sees a removed annotation as drift, would put it there again.
 */
export function withoutRefresh(app: Application): Application {
  const { [ANNOTATION_REFRESH]: refresh, ...annotations } = app.metadata.annotations ?? {};
  if (refresh === undefined) return app;
  const stamp = annotations[ANNOTATION_REFRESH_TIMESTAMP];
  const served =
    stamp === undefined ? annotations : { ...app.metadata.annotations, [ANNOTATION_REFRESHED]: stamp };
  return { ...app, metadata: { ...app.metadata, annotations: served } };
}
