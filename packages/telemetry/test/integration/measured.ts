import type { Attributes } from '@opentelemetry/api';
import type { Histogram, MetricData, MetricReader } from '@opentelemetry/sdk-metrics';

/** Reads the metrics of one namespace with a reader of the SDK. */
export class Measured {
  readonly #reader: MetricReader;

  constructor(reader: MetricReader) {
    this.#reader = reader;
  }

  async read(namespace: string): Promise<Reading> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw new AggregateError(errors, 'The reader has met errors');
    return new Reading(
      resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics),
      namespace,
    );
  }
}

/** What one collection has answered. */
export class Reading {
  readonly #metrics: readonly MetricData[];
  readonly #namespace: string;

  constructor(metrics: readonly MetricData[], namespace: string) {
    this.#metrics = metrics;
    this.#namespace = namespace;
  }

  get names(): readonly string[] {
    return this.#metrics.map(({ descriptor }) => descriptor.name);
  }

  unitOf(name: string): string | undefined {
    return this.#metrics.find(({ descriptor }) => descriptor.name === name)?.descriptor.unit;
  }

  /** The sum of all points with these attributes, and perhaps others. */
  sum(name: string, attributes: Attributes = {}): number {
    return this.points(name, attributes).reduce((sum, { value }) => sum + (value as number), 0);
  }

  /** The count and the sum of all points with these attributes. */
  histogram(name: string, attributes: Attributes = {}): { readonly count: number; readonly sum: number } {
    const values = this.points(name, attributes).map(({ value }) => value as Histogram);
    return {
      count: values.reduce((sum, { count }) => sum + count, 0),
      sum: values.reduce((sum, { sum: own = 0 }) => sum + own, 0),
    };
  }

  points(
    name: string,
    attributes: Attributes = {},
  ): readonly { readonly attributes: Attributes; readonly value: unknown }[] {
    const wanted = Object.entries({ 'spillway.namespace': this.#namespace, ...attributes });
    return this.#metrics
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => [...dataPoints])
      .filter((point) => wanted.every(([key, value]) => point.attributes[key] === value));
  }
}
