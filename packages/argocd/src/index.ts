export { applicationController, type ApplicationControllerOptions } from "./application/controller.ts";
