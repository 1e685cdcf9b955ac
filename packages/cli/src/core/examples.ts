import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `examples/`: beside the packages in a checkout, inside this package when published. */
export function examplesDirectory(): string {
  const published = fileURLToPath(new URL("../../examples", import.meta.url));
  return existsSync(published) ? published : fileURLToPath(new URL("../../../../examples", import.meta.url));
}
