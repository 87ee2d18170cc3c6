import type { BatchObservableResult, Counter, Histogram, Meter as OtelMeter, Observable } from '@opentelemetry/api';
import type { TelemetrySource } from '@spillway/core';
import type { Attributes } from '../metrics/attributes.js';
import type { CounterName } from '../metrics/counters.js';
import { allMetrics, type MetricName } from '../metrics/definitions.js';
import type { HistogramName } from '../metrics/histograms.js';
import type { Meter } from '../metrics/meter.js';
import { observe } from '../metrics/observe.js';

/** The instruments of all metrics, made of one meter of OpenTelemetry. */
export class Instruments implements Meter {
  readonly #meter: OtelMeter;
  readonly #sources: () => Iterable<TelemetrySource>;
  readonly #counters = new Map<MetricName, Counter>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #observed = new Map<MetricName, Observable>();
  readonly #onRead = async (result: BatchObservableResult): Promise<void> => this.#read(result);

  /** @param sources the engines to ask when the metrics are read */
  constructor(meter: OtelMeter, sources: () => Iterable<TelemetrySource>) {
    this.#meter = meter;
    this.#sources = sources;
    for (const [name, { kind, unit, description, buckets }] of allMetrics()) {
      const options = { unit, description };
      if (kind === 'counter') this.#counters.set(name, meter.createCounter(name, options));
      else if (kind === 'gauge') this.#observed.set(name, meter.createObservableGauge(name, options));
      else if (kind === 'total') this.#observed.set(name, meter.createObservableCounter(name, options));
      else {
        const advice = { explicitBucketBoundaries: [...(buckets ?? [])] };
        this.#histograms.set(name, meter.createHistogram(name, { ...options, advice }));
      }
    }
    meter.addBatchObservableCallback(this.#onRead, [...this.#observed.values()]);
  }

  /** From now on nothing is asked when metrics are read. */
  close(): void {
    this.#meter.removeBatchObservableCallback(this.#onRead, [...this.#observed.values()]);
  }

  add(counter: CounterName, value: number, attributes: Attributes): void {
    this.#counters.get(counter)?.add(value, attributes);
  }

  record(histogram: HistogramName, value: number, attributes: Attributes): void {
    this.#histograms.get(histogram)?.record(value, attributes);
  }

  async #read(result: BatchObservableResult): Promise<void> {
    const observed = await Promise.all([...this.#sources()].map(observe));
    for (const { metric, value, attributes } of observed.flat()) {
      const instrument = this.#observed.get(metric);
      if (instrument) result.observe(instrument, value, attributes);
    }
  }
}
