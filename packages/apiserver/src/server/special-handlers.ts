import type { Authenticator } from "../authentication/authenticator.ts";
import type { TokenSigner } from "../authentication/token-signer.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { reviewHandlers } from "../authorization/reviews.ts";
import { handleApproval } from "../certificates/approval.ts";
import { handleFinalize } from "../namespaces/finalize.ts";
import { handleBinding } from "../pods/binding.ts";
import { handleEviction } from "../pods/eviction.ts";
import { handlePodLog } from "../pods/log.ts";
import { handleUnsupportedStream } from "../pods/unsupported.ts";
import type { SpecialHandlers } from "../rest/route.ts";
import { handleTokenRequest } from "../service-accounts/token-request.ts";
import type { PodLogs } from "./options.ts";

/** Every subresource and asked kind that is not plain storage. */
export function specialHandlers(parts: {
  authenticator: Authenticator;
  authorizer: Authorizer;
  signer: TokenSigner;
  podLogs: PodLogs | undefined;
}): SpecialHandlers {
  return new Map([
    ...reviewHandlers(parts.authenticator, parts.authorizer),
    ["serviceaccounts/token", (call) => handleTokenRequest(call, parts.signer)],
    [
      "certificatesigningrequests.certificates.k8s.io/approval",
      (call) => handleApproval(call, parts.authorizer),
    ],
    ["namespaces/finalize", handleFinalize],
    ["pods/log", (call) => handlePodLog(call, parts.podLogs)],
    ["pods/binding", handleBinding],
    ["pods/eviction", handleEviction],
    ...["exec", "attach", "portforward"].map((name) => [`pods/${name}`, handleUnsupportedStream] as const),
  ]);
}
