import { formatKey, keyOf } from "@ai-edge/apimachinery";
import { LABEL_CLUSTER_NAME, SECRET_TYPE_BOOTSTRAP_TOKEN, Secret } from "@ai-edge/api";
import type { EventRecorder, Manager } from "@ai-edge/runtime";
import { deleteIfFound } from "../delete-if-found.ts";
import { ANNOTATION_TOKEN_USED_BY, BOOTSTRAP_NAMESPACE } from "../names.ts";
import { expirationOf } from "./token-use.ts";

/** Deletes join tokens when they expire, and says so where an unused one explains a refused join. */
export function addTokenCleaner(manager: Manager, { recorder }: { recorder: EventRecorder }): void {
  const options = { namespace: BOOTSTRAP_NAMESPACE, labelSelector: LABEL_CLUSTER_NAME };
  const informer = manager.informer(Secret, options);
  manager.addController({
    name: "join-token-cleaner",
    for: Secret,
    options,
    filter: ({ type }) => type === SECRET_TYPE_BOOTSTRAP_TOKEN,
    reconcile: async (key, { logger }) => {
      const secret = informer.store.get(key);
      if (secret === undefined) return;
      const left = expirationOf(secret) - manager.now().getTime();
      if (Number.isNaN(left)) return;
      if (left > 0) return { requeueAfter: left };
      const cluster = secret.metadata.labels?.[LABEL_CLUSTER_NAME];
      if (secret.metadata.annotations?.[ANNOTATION_TOKEN_USED_BY] === undefined) {
        const message = `the join token of the cluster ${cluster} expired without having been used; make a new one: ai-edge token create ${cluster}`;
        recorder.event(secret, "Warning", "JoinTokenExpired", message);
        logger.warn({ token: formatKey(keyOf(secret)), cluster }, message);
      }
      await deleteIfFound(manager.client, Secret, key);
    },
  });
}
