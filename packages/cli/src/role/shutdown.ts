import type { Logger } from "pino";

/** What a role has started, in order; closed in the opposite order, each even if another fails. */
export class Shutdown {
  /** Aborts when the process is told to end, and when the role ends because its start failed. */
  readonly signal: AbortSignal;
  readonly #ended = new AbortController();
  readonly #closers: { name: string; close: () => Promise<void> | void }[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger, signal: AbortSignal) {
    this.#logger = logger;
    this.signal = AbortSignal.any([signal, this.#ended.signal]);
  }

  add(name: string, close: () => Promise<void> | void): void {
    this.#closers.push({ name, close });
  }

  async run(): Promise<void> {
    this.#ended.abort();
    for (const { name, close } of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        this.#logger.warn({ err: error, part: name }, "a part did not stop cleanly");
      }
    }
    this.#closers.length = 0;
  }
}
