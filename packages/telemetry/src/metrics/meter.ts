import type { Attributes } from './attributes.js';
import type { CounterName } from './counters.js';
import type { HistogramName } from './histograms.js';

/** Where measurements go: instruments of OpenTelemetry, or the sums of this process. */
export interface Meter {
  add(counter: CounterName, value: number, attributes: Attributes): void;
  record(histogram: HistogramName, value: number, attributes: Attributes): void;
}
