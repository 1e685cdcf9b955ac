export { applicationController, type ApplicationControllerOptions } from "./application/controller.ts";
export { applicationSetController } from "./application-set/controller.ts";
export { gitOpsClusterController } from "./gitops-cluster/controller.ts";
export { propagationController } from "./propagation/controller.ts";
export { createWebhookHandler, type WebhookOptions } from "./webhook.ts";
