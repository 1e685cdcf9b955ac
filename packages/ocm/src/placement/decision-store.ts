/** Reads and writes the PlacementDecisions of one Placement as pages. */
import { type ObjectKey, controllerOf, controllerReference, keyOf } from "@ai-edge/apimachinery";
import { LABEL_PLACEMENT, type Placement, PlacementDecision } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { deleteIfFound } from "../delete-if-found.ts";
import type { DecisionPage, PageStep } from "./decision-page.ts";

const LABEL_GROUP_NAME = "cluster.open-cluster-management.io/decision-group-name";
const LABEL_GROUP_INDEX = "cluster.open-cluster-management.io/decision-group-index";
/** A page that was made and not filled yet: no group has this index, so the plan always writes it. */
const UNWRITTEN = -1;

/** The pages among PlacementDecisions that the Placement controls. */
export function pagesOf(placement: Placement, decisions: readonly PlacementDecision[]): DecisionPage[] {
  const prefix = `${placement.metadata.name}-decision-`;
  return decisions
    .filter(
      (decision) =>
        controllerOf(decision)?.uid === placement.metadata.uid && decision.metadata.name.startsWith(prefix),
    )
    .map(({ metadata, status }) => ({
      number: Number(metadata.name.slice(prefix.length)),
      groupName: metadata.labels?.[LABEL_GROUP_NAME] ?? "",
      groupIndex:
        status === undefined ? UNWRITTEN : Number(metadata.labels?.[LABEL_GROUP_INDEX] ?? UNWRITTEN),
      clusters: (status?.decisions ?? []).map(({ clusterName }) => clusterName).sort(),
    }))
    .filter(({ number }) => Number.isInteger(number));
}

/** The pages as the API server has them now. */
export async function readPages(client: Client, placement: Placement): Promise<DecisionPage[]> {
  const { namespace, name } = placement.metadata;
  const list = await client.list(PlacementDecision, {
    namespace,
    labelSelector: `${LABEL_PLACEMENT}=${name}`,
  });
  return pagesOf(placement, list.items);
}

/** Does one step of a plan. @param exists the pages that there are, kept up to date */
export async function writePage(
  client: Client,
  placement: Placement,
  step: PageStep,
  exists: Set<number>,
): Promise<void> {
  const key = (number: number): ObjectKey => ({
    ...keyOf(placement),
    name: `${placement.metadata.name}-decision-${number}`,
  });
  if (step.type === "delete") {
    await deleteIfFound(client, PlacementDecision, key(step.number));
    exists.delete(step.number);
    return;
  }
  const { number, groupName, groupIndex, clusters } = step.page;
  const labels = {
    [LABEL_PLACEMENT]: placement.metadata.name,
    [LABEL_GROUP_NAME]: groupName,
    [LABEL_GROUP_INDEX]: String(groupIndex),
  };
  const target = key(number);
  if (exists.has(number)) {
    await client.patch(PlacementDecision, target, { type: "merge", body: { metadata: { labels } } });
  } else {
    const ownerReferences = [controllerReference(placement)];
    await client.create(PlacementDecision, { metadata: { ...target, labels, ownerReferences } });
    exists.add(number);
  }
  const decisions = clusters.map((clusterName) => ({ clusterName, reason: "" }));
  const body = { status: { decisions } };
  await client.patch(PlacementDecision, target, { type: "merge", body }, { subresource: "status" });
}
