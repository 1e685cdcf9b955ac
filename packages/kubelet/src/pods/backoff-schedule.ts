/** The kubelet's CrashLoopBackOff and ImagePullBackOff: 10 s, doubled up to 5 min, forgotten after 10 min of running. */
export interface BackoffSettings {
  firstMs: number;
  longestMs: number;
  resetAfterMs: number;
}

export const UPSTREAM_BACKOFF: BackoffSettings = {
  firstMs: 10_000,
  longestMs: 300_000,
  resetAfterMs: 600_000,
};

/** Doubling delays. */
export class BackoffSchedule {
  readonly #settings: BackoffSettings;
  #next: number;

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
    this.#next = settings.firstMs;
  }

  /** The delay before the next try. */
  next(): number {
    const delay = this.#next;
    this.#next = Math.min(this.#next * 2, this.#settings.longestMs);
    return delay;
  }

  /** What ran this long has recovered. */
  ran(milliseconds: number): void {
    if (milliseconds >= this.#settings.resetAfterMs) this.reset();
  }

  reset(): void {
    this.#next = this.#settings.firstMs;
  }
}
