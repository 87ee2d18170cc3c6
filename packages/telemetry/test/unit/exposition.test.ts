import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { COUNTERS } from '../../src/metrics/counters.js';
import { HISTOGRAMS } from '../../src/metrics/histograms.js';
import type { Meter } from '../../src/metrics/meter.js';
import { Instruments } from '../../src/opentelemetry/instruments.js';
import { linesOfDistributions, linesOfValues, prometheusName } from '../../src/prometheus/exposition.js';
import { Sums } from '../../src/prometheus/sums.js';

/** Values at, below and above bounds, of two sets of attributes; one has to be escaped. */
function measure(meter: Meter): void {
  const quoted = { 'spillway.namespace': 'a "b" \\ c\nd' };
  for (const value of [0, 0.001, 0.0011, 0.5, 10, 10.5]) meter.record('spillway.flush.duration', value, quoted);
  meter.record('spillway.flush.duration', 3, { 'spillway.namespace': 'x', 'error.type': 'STOPPED' });
  for (const value of [1, 2]) meter.add('spillway.retries', value, { 'spillway.reason': 'fault' });
  meter.add('spillway.retries', 4, quoted);
}

/** The samples without labels of the SDK's own, in any order. */
function samplesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('spillway_'))
    .map((line) => line.replaceAll(/,?otel_scope_\w+="[^"]*"/g, '').replaceAll('{,', '{'))
    .toSorted();
}

test('the text has the same samples as the exporter of OpenTelemetry, with units in the names', async () => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meters = new MeterProvider({ readers: [exporter] });
  measure(new Instruments(meters.getMeter('test'), () => []));
  const { resourceMetrics } = await exporter.collect();
  const theirs = new PrometheusSerializer().serialize(resourceMetrics).replaceAll('flush_duration', '$&_seconds');

  const sums = new Sums();
  measure(sums);
  const ours = [
    ...linesOfDistributions(
      'spillway.flush.duration',
      HISTOGRAMS['spillway.flush.duration'],
      sums.histogram('spillway.flush.duration'),
    ),
    ...linesOfValues('spillway.retries', COUNTERS['spillway.retries'], sums.counter('spillway.retries')),
  ];
  expect(samplesIn(ours.join('\n'))).toEqual(samplesIn(theirs));
  expect(samplesIn(theirs).length).toBeGreaterThan(20);
});

test('help and type stand once before the samples of a metric, and a metric without samples has none', () => {
  const sums = new Sums();
  measure(sums);
  const definition = { ...COUNTERS['spillway.retries'], description: 'One\nline \\ more' };
  const lines = linesOfValues('spillway.retries', definition, sums.counter('spillway.retries'));
  expect(lines.slice(0, 2)).toEqual([
    String.raw`# HELP spillway_retries_total One\nline \\ more`,
    '# TYPE spillway_retries_total counter',
  ]);
  expect(lines.length).toBe(4);
  expect(linesOfValues('spillway.lags', COUNTERS['spillway.lags'], sums.counter('spillway.lags'))).toEqual([]);
});

test.each([
  ['spillway.flush.duration', 'histogram', 's', 'spillway_flush_duration_seconds'],
  ['spillway.retries', 'counter', '{retry}', 'spillway_retries_total'],
  ['spillway.writes', 'total', '{change}', 'spillway_writes_total'],
  ['spillway.oldest.age', 'gauge', 's', 'spillway_oldest_age_seconds'],
] as const)('%s, a %s in %s, is %s', (name, kind, unit, expected) => {
  expect(prometheusName(name, { kind, unit })).toBe(expected);
});
