import type { StorageEvent } from "./event.ts";

/** Enough for every informer that reconnects within seconds; older revisions come from SQLite. */
const MAX_EVENTS = 4096;
/** Text held by the ring at most; parsed objects beside it weigh about three times as much. */
const MAX_TEXT_LENGTH = 4 * 1024 * 1024;

/** The newest events in memory, contiguous in revision. */
export class EventRing {
  #events: StorageEvent[] = [];
  #length = 0;
  #floor: number;

  /** @param revision the newest revision that the ring will not hold */
  constructor(revision: number) {
    this.#floor = revision;
  }

  push(events: readonly StorageEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#length += textLength(event);
    }
    let drop = 0;
    while (this.#events.length - drop > MAX_EVENTS || this.#length > MAX_TEXT_LENGTH) {
      const oldest = this.#events[drop];
      if (oldest === undefined) break;
      this.#length -= textLength(oldest);
      this.#floor = oldest.revision;
      drop += 1;
    }
    if (drop > 0) this.#events.splice(0, drop);
  }

  /** All events after a revision, or undefined if the ring does not reach back so far. */
  after(revision: number): StorageEvent[] | undefined {
    if (revision < this.#floor) return undefined;
    return this.#events.slice(revision - this.#floor);
  }
}

function textLength(event: StorageEvent): number {
  return event.object.text.length + (event.previous?.text.length ?? 0);
}
