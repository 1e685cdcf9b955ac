import { messageOf } from "../user-error.ts";
import type { ProgramIO } from "../program-io.ts";

/** One hop of the path, as reported at the end. */
export interface HopResult {
  name: string;
  seconds: number;
  ok: boolean;
  /** Why it did not hold. */
  error?: string;
}

/** How often the running hop's clock is redrawn on a terminal. */
const REDRAW_INTERVAL_MS = 100;

/** Tells the hops as they run: a live line on a terminal, one plain line per hop in a pipe. */
export class Progress {
  readonly results: HopResult[] = [];
  readonly #out: ProgramIO["stderr"];
  #note = "";

  constructor(out: ProgramIO["stderr"]) {
    this.#out = out;
  }

  /** Runs one hop and reports it; a failed hop is reported and thrown on. */
  async hop<T>(name: string, run: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const number = this.results.length + 1;
    const start = performance.now();
    this.#note = "";
    const timer =
      this.#out.isTTY === true
        ? setInterval(() => this.#draw(number, name, start), REDRAW_INTERVAL_MS)
        : undefined;
    try {
      const value = await run((text) => {
        this.#note = text;
      });
      this.#finish(number, { name, seconds: secondsSince(start), ok: true });
      return value;
    } catch (error) {
      const message = messageOf(error);
      this.#finish(number, { name, seconds: secondsSince(start), ok: false, error: message });
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** A line between the hops. */
  say(line: string): void {
    this.#clear();
    this.#out.write(`${line}\n`);
  }

  #draw(number: number, name: string, start: number): void {
    this.#clear();
    const note = this.#note === "" ? "" : `  (${this.#note})`;
    this.#out.write(`  … ${String(number).padStart(2)} ${name} ${secondsSince(start).toFixed(1)} s${note}`);
  }

  #finish(number: number, result: HopResult): void {
    this.results.push(result);
    this.#clear();
    const mark = result.ok ? "✓" : "✗";
    const note = result.ok ? this.#note : (result.error ?? "");
    this.#out.write(
      `  ${mark} ${String(number).padStart(2)} ${result.name} ${result.seconds.toFixed(1)} s${note === "" ? "" : `  ${note}`}\n`,
    );
  }

  #clear(): void {
    if (this.#out.isTTY === true) this.#out.write("\r\x1b[2K");
  }
}

function secondsSince(start: number): number {
  return Math.round(performance.now() - start) / 1000;
}
