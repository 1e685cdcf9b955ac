import { timingSafeEqual } from "node:crypto";
import { SECRET_TYPE_BOOTSTRAP_TOKEN, type UserInfo } from "@ai-edge/api";
import { type UnstructuredObject, valueAt } from "@ai-edge/apimachinery";
import type { Store } from "../storage/store.ts";

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = "system:bootstrappers";
/** Extra groups must stay below the bootstrappers' own (`bootstraputil.ValidateBootstrapGroupName`). */
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** The user of a bootstrap token `id.secret`, kept as Secret `kube-system/bootstrap-token-<id>`; undefined if it does not hold. */
export function userOfBootstrapToken(token: string, store: Store, now: Date): UserInfo | undefined {
  const [, id, secret] = TOKEN.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  const stored = store.get({ resource: "secrets", namespace: "kube-system", name: `bootstrap-token-${id}` });
  if (stored === undefined) return undefined;
  const { object } = stored;
  if (object["type"] !== SECRET_TYPE_BOOTSTRAP_TOKEN || object.metadata.deletionTimestamp !== undefined)
    return undefined;
  if (field(object, "token-id") !== id || !sameText(field(object, "token-secret"), secret)) return undefined;
  if (field(object, "usage-bootstrap-authentication") !== "true") return undefined;
  const expiration = field(object, "expiration");
  // A time that cannot be read has passed: the safe side.
  if (expiration !== "" && !(Date.parse(expiration) > now.getTime())) return undefined;
  const extra = field(object, "auth-extra-groups")
    .split(",")
    .filter((group) => EXTRA_GROUP.test(group));
  return { username: `system:bootstrap:${id}`, groups: [GROUP, ...extra] };
}

function field(object: UnstructuredObject, name: string): string {
  const value = valueAt(object, ["data", name]);
  return typeof value === "string" ? Buffer.from(value, "base64").toString() : "";
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
