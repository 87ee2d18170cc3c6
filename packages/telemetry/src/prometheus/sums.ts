import type { Attributes } from '../metrics/attributes.js';
import type { CounterName } from '../metrics/counters.js';
import { HISTOGRAMS, type HistogramName } from '../metrics/histograms.js';
import type { Meter } from '../metrics/meter.js';
import { SeriesMap } from './series.js';

/** The values of a histogram, counted by bucket. */
export interface Distribution {
  /** Per bucket: how many values are at most its upper bound, and above the bound before. The last one has no bound. */
  readonly counts: number[];
  sum: number;
}

/** What this process has counted and timed, summed from its beginning. */
export class Sums implements Meter {
  readonly #counters = new Map<CounterName, SeriesMap<number>>();
  readonly #histograms = new Map<HistogramName, SeriesMap<Distribution>>();

  add(counter: CounterName, value: number, attributes: Attributes): void {
    const series = this.#counters.get(counter) ?? new SeriesMap<number>();
    this.#counters.set(counter, series);
    series.of(attributes, () => 0).value += value;
  }

  record(histogram: HistogramName, value: number, attributes: Attributes): void {
    const { buckets = [] } = HISTOGRAMS[histogram];
    const series = this.#histograms.get(histogram) ?? new SeriesMap<Distribution>();
    this.#histograms.set(histogram, series);
    const empty = (): Distribution => ({ counts: Array.from({ length: buckets.length + 1 }, () => 0), sum: 0 });
    const distribution = series.of(attributes, empty).value;
    const found = buckets.findIndex((bound) => value <= bound);
    const place = found === -1 ? buckets.length : found;
    distribution.counts[place] = (distribution.counts[place] ?? 0) + 1;
    distribution.sum += value;
  }

  counter(name: CounterName): SeriesMap<number> {
    return this.#counters.get(name) ?? new SeriesMap();
  }

  histogram(name: HistogramName): SeriesMap<Distribution> {
    return this.#histograms.get(name) ?? new SeriesMap();
  }
}
