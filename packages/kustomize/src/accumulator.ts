import { ResourceMap } from "./resource-map.ts";
import type { TransformerConfig } from "./transformer-config.ts";
import { DEFAULT_CONFIG, mergeConfig } from "./transformer-config.ts";
import { VarSet } from "./vars.ts";

/** What a kustomization adds up to, before the steps that only the root takes. */
export class Accumulator {
  readonly map = new ResourceMap();
  readonly vars = new VarSet();
  config: TransformerConfig = DEFAULT_CONFIG;

  /** Takes over a base. */
  absorb(other: Accumulator): void {
    this.map.append(other.map.resources);
    this.config = mergeConfig(this.config, other.config);
    this.vars.absorb(other.vars);
  }
}
