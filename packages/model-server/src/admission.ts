/**
 * Lets inferences of a slow model run one per turn of the event loop, so that health and metrics are answered between
 * them, and refuses at once what would wait too long. Inference is synchronous work on this thread: without turns, a
 * burst would hold everything else up until its end.
 */
import { ProtocolError } from "@ai-edge/inference";

/** Longest expected wait of an admitted request: beyond it a client does better to try again or elsewhere. */
const MAX_WAIT_MS = 1_000;
/** Below this an inference runs where it is: a turn of its own would cost more than it is worth. */
const INLINE_MS = 1;
/** Weight of the latest inference in the running mean: a model's usual time is known after some ten. */
const LATEST_WEIGHT = 0.2;

export interface AdmissionOptions {
  /** Milliseconds, monotonic. */
  clock: () => number;
  maxWaitMs?: number;
}

export class Admission {
  readonly #clock: () => number;
  readonly #maxWaitMs: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #isPumping = false;
  #meanMs = 0;

  constructor({ clock, maxWaitMs = MAX_WAIT_MS }: AdmissionOptions) {
    this.#clock = clock;
    this.#maxWaitMs = maxWaitMs;
  }

  /** @throws ProtocolError 429 when a request that came now would wait too long */
  check(): void {
    const expected = this.#waiting.length * this.#meanMs;
    if (expected <= this.#maxWaitMs) return;
    throw new ProtocolError(
      `overloaded: ${this.#waiting.length} requests wait, about ${Math.round(expected)} ms; try again later`,
      429,
    );
  }

  /**
   * Runs an inference now or in its turn.
   *
   * @param task gets the milliseconds that it waited
   * @throws ProtocolError 429 when it would wait too long
   */
  async run<T>(task: (waitedMs: number) => Promise<T>): Promise<T> {
    if (this.#meanMs < INLINE_MS && this.#waiting.length === 0) return this.#measured(() => task(0));
    this.check();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const arrived = this.#clock();
    this.#waiting.push(() => this.#measured(() => task(this.#clock() - arrived)).then(resolve, reject));
    if (!this.#isPumping) {
      this.#isPumping = true;
      setImmediate(() => void this.#pump());
    }
    return promise;
  }

  async #pump(): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#isPumping = false;
      return;
    }
    await next();
    setImmediate(() => void this.#pump());
  }

  async #measured<T>(task: () => Promise<T>): Promise<T> {
    const started = this.#clock();
    try {
      return await task();
    } finally {
      this.#meanMs += LATEST_WEIGHT * (this.#clock() - started - this.#meanMs);
    }
  }
}
