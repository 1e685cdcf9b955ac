/** Exponential back-off with full jitter above its half, so that many agents do not return in step. */
export class Backoff {
  readonly #base: number;
  readonly #max: number;
  readonly #random: () => number;
  #attempts = 0;

  /** @param options.base first delay, `max` upper bound, both in milliseconds */
  constructor(options: { base: number; max: number; random?: () => number }) {
    this.#base = options.base;
    this.#max = options.max;
    this.#random = options.random ?? Math.random;
  }

  /** The next delay in milliseconds; each call doubles it up to the bound. */
  next(): number {
    const full = Math.min(this.#max, this.#base * 2 ** this.#attempts);
    this.#attempts += 1;
    return full / 2 + (full / 2) * this.#random();
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** `value` plus or minus `fraction` of it. */
export function jitter(value: number, fraction: number, random: () => number = Math.random): number {
  return value * (1 + fraction * (2 * random() - 1));
}
