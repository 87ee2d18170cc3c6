import { METRICS, type MetricName } from '@spillway/telemetry';
import { SpillwayInstrumentation } from '@spillway/telemetry/opentelemetry';
import { hasSubscribers } from 'node:diagnostics_channel';
import { eventually } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { openShop, Product } from './shop.js';
import { instrumented } from './telemetry.js';

const ofProduct = { 'spillway.entity': 'Product' };

test('counts what is staged and written, by entity, and times both', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  await shop.make(3);
  await shop.service.drain({ until: 'written' });
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.sum('spillway.staged.changes', ofProduct)).toBe(3);
  expect(metrics.sum('spillway.flushed.records', { ...ofProduct, 'spillway.outcome': 'written' })).toBe(3);
  expect(metrics.histogram('spillway.stage.duration', { 'spillway.outcome': 'staged' }).count).toBe(1);
  expect(metrics.histogram('spillway.flush.size').sum).toBe(3);
  expect(metrics.histogram('spillway.flush.duration', { 'spillway.outcome': 'written' }).sum).toBeGreaterThan(0);
  expect(metrics.histogram('spillway.record.age', ofProduct).count).toBe(3);
  expect(metrics.histogram('spillway.drain.duration', { 'spillway.outcome': 'done' }).count).toBeGreaterThan(0);
});

test('counts the changes that were coalesced into a record', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  const [product] = await shop.make(1);
  const em = shop.orm.em.fork();
  for (let views = 0; views < 4; views += 1) await shop.service.increment(Product, product?.id ?? '', { views: 1 });
  await em.flush();
  await shop.service.drain({ until: 'written' });
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.sum('spillway.staged.changes', ofProduct)).toBe(5);
  expect(metrics.sum('spillway.flushed.records', ofProduct)).toBe(1);
  expect(metrics.sum('spillway.flushed.changes', ofProduct)).toBe(5);
  expect(metrics.sum('spillway.accepted.changes')).toBe(5);
  expect(metrics.sum('spillway.coalesced.changes')).toBe(4);
});

test('asks what is pending, how old it is, and how much room is left', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  await shop.make(7);
  await eventually(async () => {
    const metrics = await telemetry.measured.read(shop.namespace);
    expect(metrics.sum('spillway.oldest.age')).toBeGreaterThan(0);
    expect(metrics.sum('spillway.pending.records', ofProduct)).toBe(7);
    expect(metrics.sum('spillway.room.records', ofProduct)).toBe(993);
    expect(metrics.sum('spillway.health.status', { 'spillway.status': 'up' })).toBe(1);
    expect(metrics.sum('spillway.health.status', { 'spillway.status': 'down' })).toBe(0);
  });
  await shop.service.drain({ until: 'written' });
  const after = await telemetry.measured.read(shop.namespace);
  expect(after.sum('spillway.pending.records', ofProduct)).toBe(0);
  expect(after.sum('spillway.oldest.age')).toBe(0);
});

test('counts a row that is missing as a conflict and as a dead letter, by its code', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  await shop.service.increment(Product, '00000000-0000-4000-8000-000000000000', { views: 1 });
  await shop.service.drain({ until: 'written' });
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.sum('spillway.conflicts', { ...ofProduct, 'spillway.outcome': 'nobody' })).toBe(1);
  expect(metrics.sum('spillway.dead_letters.made', { ...ofProduct, 'spillway.code': 'ROW_MISSING' })).toBe(1);
  expect(metrics.sum('spillway.dead_letters.kept')).toBe(1);
  expect(metrics.sum('spillway.flushed.records', { 'spillway.outcome': 'dead' })).toBe(1);
});

test('counts a query that had to wait by its caller, and changes by the way in which they were written', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  await shop.make(2);
  expect(await shop.orm.em.fork().count(Product)).toBe(2);
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.sum('spillway.forced_drains', { 'spillway.caller': 'Product.count' })).toBe(1);
  expect(metrics.sum('spillway.writes', { ...ofProduct, 'spillway.way': 'staged' })).toBe(2);
});

test('counts changes that are refused, by the reason', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false, defaults: { onFull: 'reject' } });
  await expect(shop.make(1_001)).rejects.toMatchObject({ code: 'STAGING_FULL' });
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.sum('spillway.refused.changes', { 'spillway.reason': 'full' })).toBeGreaterThan(0);
  expect(metrics.histogram('spillway.stage.duration', { 'spillway.outcome': 'refused' }).count).toBe(1);
  expect(metrics.sum('spillway.staged.changes')).toBe(0);
});

test('has the name, the unit and no attributes besides those of the list', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  await shop.make(1);
  await shop.service.drain({ until: 'written' });
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.names.length).toBeGreaterThan(15);
  for (const name of metrics.names) {
    const { unit, attributes } = METRICS[name as MetricName];
    expect(metrics.unitOf(name)).toBe(unit);
    for (const point of metrics.points(name)) {
      const others = Object.keys(point.attributes).filter((each) => each !== 'spillway.namespace');
      expect(attributes).toEqual(expect.arrayContaining(others));
    }
  }
});

test('an engine that was closed is not asked any more', async () => {
  using telemetry = instrumented();
  const shop = await openShop({ worker: false });
  await shop.make(1);
  await shop[Symbol.asyncDispose]();
  const metrics = await telemetry.measured.read(shop.namespace);
  expect(metrics.points('spillway.health.status')).toEqual([]);
  expect(metrics.sum('spillway.staged.changes')).toBe(1);
});

test('nobody listens to a channel before the instrumentation is enabled, and after it is disabled', () => {
  const names = ['spillway:open', 'spillway:event', 'tracing:spillway:stage:start', 'tracing:spillway:flush:asyncEnd'];
  const heard = (): boolean[] => names.map((name) => hasSubscribers(name));
  const instrumentation = new SpillwayInstrumentation();
  expect(heard()).toEqual([false, false, false, false]);
  instrumentation.enable();
  expect(heard()).toEqual([true, true, true, true]);
  instrumentation.disable();
  expect(heard()).toEqual([false, false, false, false]);
});
