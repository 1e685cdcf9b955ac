/** client-go's `DefaultTypedControllerRateLimiter`: the first retry comes after 5 ms. */
const RETRY_BASE_MS = 5;
/** client-go waits up to 1000 s; a site that repaired itself should not wait that long to be looked at again. */
const RETRY_MAX_MS = 5 * 60_000;
/** `setTimeout` turns longer delays into none. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Keys that are due. A key is in the queue at most once, is never handed to two workers at the same time, and is
 * handed out again after `done` if it was added meanwhile (client-go's workqueue).
 */
export class WorkQueue {
  readonly #due = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  #closed = false;

  /** Makes a key due now. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#due.add(key);
    this.#hand();
  }

  /** Makes a key due after a time; of several, the earliest counts. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#closed) return;
    const delay = Math.min(Math.max(0, milliseconds), TIMER_MAX_MS);
    const at = Date.now() + delay;
    const existing = this.#timers.get(key);
    if (existing !== undefined) {
      if (existing.at <= at) return;
      clearTimeout(existing.timer);
    }
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, delay);
    this.#timers.set(key, { at, timer });
  }

  /** Makes a key due after a time that doubles with every failure since the last `forget`. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** failures));
  }

  /** Ends the back-off of a key. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often a key failed since the last `forget`. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next due key; undefined when the queue is closed. Every key got must be given to `done`. */
  get(): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve(undefined);
      this.#waiting.push(resolve);
      this.#hand();
    });
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Drops everything; waiting workers get undefined. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#due.clear();
    this.#again.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #hand(): void {
    for (const key of this.#due) {
      const resolve = this.#waiting.shift();
      if (resolve === undefined) return;
      this.#due.delete(key);
      this.#processing.add(key);
      resolve(key);
    }
  }
}
