/** Counters, gauges and histograms with label sets, and their Prometheus text form. */

export type Labels = Readonly<Record<string, string>>;

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

function sampleText(name: string, labels: string, value: number): string {
  const number = value === Number.POSITIVE_INFINITY ? "+Inf" : String(value);
  return labels === "" ? `${name} ${number}\n` : `${name}{${labels}} ${number}\n`;
}

/** A counter or gauge family. */
export class ValueFamily {
  readonly #values = new Map<string, number>();
  readonly #name: string;
  readonly #header: string;

  constructor(name: string, type: "counter" | "gauge", help: string) {
    this.#name = name;
    this.#header = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  add(labels: Labels, amount = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  set(labels: Labels, value: number): void {
    this.#values.set(labelText(labels), value);
  }

  text(): string {
    let out = this.#header;
    for (const [labels, value] of this.#values) out += sampleText(this.#name, labels, value);
    return out;
  }
}

interface Distribution {
  counts: number[];
  sum: number;
  count: number;
}

export class HistogramFamily {
  readonly #series = new Map<string, Distribution>();
  readonly #name: string;
  readonly #bounds: readonly number[];
  readonly #header: string;

  /** @param bounds upper bounds, ascending, without the final +Inf */
  constructor(name: string, bounds: readonly number[], help: string) {
    this.#name = name;
    this.#bounds = bounds;
    this.#header = `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
  }

  /** Makes the series exist with zero observations, so that rate() sees the first one. */
  touch(labels: Labels): Distribution {
    const key = labelText(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  observe(labels: Labels, value: number): void {
    const series = this.touch(labels);
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) series.counts[index] = (series.counts[index] ?? 0) + 1;
    series.sum += value;
    series.count++;
  }

  text(): string {
    let out = this.#header;
    for (const [labels, series] of this.#series) {
      const prefix = labels === "" ? "" : `${labels},`;
      let cumulative = 0;
      for (const [index, bound] of this.#bounds.entries()) {
        cumulative += series.counts[index] ?? 0;
        out += sampleText(`${this.#name}_bucket`, `${prefix}le="${bound}"`, cumulative);
      }
      out += sampleText(`${this.#name}_bucket`, `${prefix}le="+Inf"`, series.count);
      out += sampleText(`${this.#name}_sum`, labels, series.sum);
      out += sampleText(`${this.#name}_count`, labels, series.count);
    }
    return out;
  }
}
