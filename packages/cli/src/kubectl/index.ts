export { type KubectlIO, runKubectlCommand } from "./command.ts";
