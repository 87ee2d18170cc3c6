import type { MetricDefinition } from '../metrics/definition.js';
import type { Series } from './series.js';
import type { Distribution } from './sums.js';

/**
 * The name of a metric as Prometheus has it, by the rules of OpenTelemetry: `spillway.flush.duration` in `s` is
 * `spillway_flush_duration_seconds`, and a counter ends with `_total`.
 */
export function prometheusName(name: string, { kind, unit }: Pick<MetricDefinition, 'kind' | 'unit'>): string {
  const plain = name.replaceAll('.', '_');
  const withUnit = unit === 's' ? `${plain}_seconds` : plain;
  return kind === 'counter' || kind === 'total' ? `${withUnit}_total` : withUnit;
}

/** The lines of a metric with one value per series; none if it has no series. */
export function linesOfValues(
  name: string,
  definition: MetricDefinition,
  series: Iterable<Series<number>>,
): readonly string[] {
  const own = prometheusName(name, definition);
  const type = definition.kind === 'gauge' ? 'gauge' : 'counter';
  const lines = [...series].map(({ attributes, value }) => `${own}${labels(attributes)} ${value}`);
  return lines.length === 0 ? [] : [...head(own, type, definition), ...lines];
}

/** The lines of a histogram; none if it has no series. */
export function linesOfDistributions(
  name: string,
  definition: MetricDefinition,
  series: Iterable<Series<Distribution>>,
): readonly string[] {
  const own = prometheusName(name, definition);
  const lines = [...series].flatMap(({ attributes, value: { counts, sum } }) => {
    let count = 0;
    const buckets = counts.map((inBucket, place) => {
      count += inBucket;
      const bound = definition.buckets?.[place];
      return `${own}_bucket${labels({ ...attributes, le: bound === undefined ? '+Inf' : String(bound) })} ${count}`;
    });
    return [...buckets, `${own}_sum${labels(attributes)} ${sum}`, `${own}_count${labels(attributes)} ${count}`];
  });
  return lines.length === 0 ? [] : [...head(own, 'histogram', definition), ...lines];
}

function head(own: string, type: string, { description }: MetricDefinition): readonly string[] {
  return [`# HELP ${own} ${escaped(description)}`, `# TYPE ${own} ${type}`];
}

function labels(attributes: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(attributes).map(
    ([name, value = '']) => `${name.replaceAll('.', '_')}="${escaped(value).replaceAll('"', String.raw`\"`)}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}
