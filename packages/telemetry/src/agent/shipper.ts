/** Empties the spool into the receiver, oldest first, waiting while the receiver is away. */
import { Backoff, sleep } from "@ai-edge/runtime";
import type { Logger } from "pino";
import type { Spool } from "../spool/spool.ts";
import type { Sender } from "./sender.ts";

/** First wait after a failure. */
const BACKOFF_BASE_MS = 500;
/** A core that comes back is noticed within this; hundreds of sites ask no more often while it is away. */
const BACKOFF_MAX_MS = 15_000;
/** A receiver may ask for more patience, but not for hours. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;
/** While catching up the position is made durable every so many requests; a crash repeats at most that many. */
const FLUSH_EVERY = 50;

export interface ShipperStatus {
  /** Milliseconds since the epoch of the last request that the receiver took; 0 before the first. */
  lastAccepted: number;
  /** Why sending waits, while it does. */
  problem?: string;
  /** Samples that the receiver refused for good. */
  refusedSamples: number;
}

export class Shipper {
  readonly #spool: Spool;
  readonly #sender: Sender;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #backoff: Backoff;
  #status: ShipperStatus = { lastAccepted: 0, refusedSamples: 0 };

  constructor(options: {
    spool: Spool;
    sender: Sender;
    logger: Logger;
    now: () => number;
    random: () => number;
  }) {
    this.#spool = options.spool;
    this.#sender = options.sender;
    this.#logger = options.logger;
    this.#now = options.now;
    this.#backoff = new Backoff({ base: BACKOFF_BASE_MS, max: BACKOFF_MAX_MS, random: options.random });
  }

  status(): ShipperStatus {
    return this.#status;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    let unflushed = 0;
    while (!signal.aborted) {
      const arrival = this.#spool.arrival();
      const record = await this.#spool.peek();
      if (record === undefined) {
        if (unflushed > 0) await this.#spool.flush();
        unflushed = 0;
        await Promise.race([arrival, aborted.promise]);
        continue;
      }
      const outcome = await this.#sender.send(record.body, signal);
      if (outcome.kind === "later") {
        if (!signal.aborted) await this.#wait(outcome.reason, outcome.retryAfterMs, signal);
        continue;
      }
      this.#settled(outcome.kind === "refused" ? outcome.reason : undefined, record.samples);
      await this.#spool.acknowledge(record);
      if (++unflushed >= FLUSH_EVERY) {
        await this.#spool.flush();
        unflushed = 0;
      }
    }
  }

  #settled(refusal: string | undefined, samples: number): void {
    if (this.#status.problem !== undefined) this.#logger.info("metrics receiver is back");
    this.#backoff.reset();
    const { refusedSamples } = this.#status;
    if (refusal === undefined) {
      this.#status = { lastAccepted: this.#now(), refusedSamples };
      return;
    }
    this.#logger.error(
      { samples, reason: refusal },
      "metrics receiver refuses samples for good; they are given up",
    );
    this.#status = { lastAccepted: this.#status.lastAccepted, refusedSamples: refusedSamples + samples };
  }

  async #wait(reason: string, retryAfter: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#status.problem === undefined) {
      this.#logger.warn({ reason }, "metrics receiver is away; samples are kept on disk");
    }
    this.#status = { ...this.#status, problem: reason };
    await sleep(Math.max(this.#backoff.next(), Math.min(retryAfter ?? 0, MAX_RETRY_AFTER_MS)), signal);
  }
}
