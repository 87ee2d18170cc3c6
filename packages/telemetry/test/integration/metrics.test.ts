import {
  InMemoryMetricExporter,
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { SpillwayInstrumentation } from '@spillway/telemetry/opentelemetry';
import { afterAll, expect, test } from 'vitest';
import { openShop } from './shop.js';
import { Measured } from './measured.js';

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 });
const instrumentation = new SpillwayInstrumentation();
instrumentation.setMeterProvider(new MeterProvider({ readers: [reader] }));
instrumentation.enable();
afterAll(() => instrumentation.disable());

const measured = new Measured(reader);

test('counts what is staged and flushed, by entity, and times both', async () => {
  await using shop = await openShop();
  await shop.make(3);
  await shop.service.drain({ until: 'written' });
  const { namespace } = shop;
  const metrics = await measured.read(namespace);
  expect(metrics.sum('spillway.staged.changes', { 'spillway.entity': 'Product' })).toBe(3);
  expect(metrics.sum('spillway.flushed.records', { 'spillway.entity': 'Product', 'spillway.outcome': 'written' })).toBe(
    3,
  );
  expect(metrics.histogram('spillway.stage.duration', { 'spillway.outcome': 'staged' }).count).toBe(1);
  expect(metrics.histogram('spillway.flush.size').sum).toBe(3);
  expect(metrics.histogram('spillway.record.age', { 'spillway.entity': 'Product' }).count).toBe(3);
  expect(metrics.unitOf('spillway.flush.duration')).toBe('s');
});
