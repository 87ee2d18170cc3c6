import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import {
  type ReadableSpan,
  type InMemorySpanExporter,
  AlwaysOffSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { redisLinks, SpillwayInstrumentation } from '@spillway/telemetry/opentelemetry';
import { eventually, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop, Product } from './shop.js';
import { instrumented, type Instrumented } from './telemetry.js';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

/** Runs something as the handler of a request whose span is active. */
async function request(telemetry: Instrumented, name: string, handle: () => Promise<unknown>): Promise<Span> {
  const tracer = telemetry.tracers.getTracer('test');
  return tracer.startActiveSpan(name, async (span) => {
    await handle();
    span.end();
    return span;
  });
}

function spansOf(exporter: InMemorySpanExporter, name: string, namespace: string): readonly ReadableSpan[] {
  return exporter
    .getFinishedSpans()
    .filter((span) => span.name === name && span.attributes['spillway.namespace'] === namespace);
}

test('staging is a span of the request, and the flush links to it', async () => {
  using telemetry = instrumented();
  await using shop = await openShop();
  const one = await request(telemetry, 'POST /one', async () => shop.make(2));
  const other = await request(telemetry, 'POST /other', async () => shop.make(1));
  await shop.service.drain({ until: 'written' });
  await eventually(() => {
    const flushes = spansOf(telemetry.spans, 'spillway flush', shop.namespace);
    const staged = spansOf(telemetry.spans, 'spillway stage', shop.namespace);
    expect(staged.map(({ kind }) => kind)).toEqual([SpanKind.PRODUCER, SpanKind.PRODUCER]);
    expect(staged.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
      one.spanContext().spanId,
      other.spanContext().spanId,
    ]);
    const linked = flushes.flatMap(({ links }) => links.map((link) => link.context.spanId));
    expect(linked.toSorted()).toEqual(staged.map((span) => span.spanContext().spanId).toSorted());
    const traces = new Set(flushes.flatMap(({ links }) => links.map((link) => link.context.traceId)));
    expect(traces).toEqual(new Set([one.spanContext().traceId, other.spanContext().traceId]));
    expect(flushes.every((span) => span.kind === SpanKind.CONSUMER && span.parentSpanContext === undefined)).toBe(true);
    expect(flushes.reduce((sum, { attributes }) => sum + Number(attributes['spillway.records']), 0)).toBe(3);
  });
});

test('of several requests that staged a row, the flush links to the last one', async () => {
  using telemetry = instrumented();
  await using shop = await openShop({ worker: false });
  const [product] = await shop.make(1);
  await shop.service.drain({ until: 'written' });
  telemetry.spans.reset();
  const increment = async (): Promise<unknown> => shop.service.increment(Product, product?.id ?? '', { views: 1 });
  await request(telemetry, 'first', increment);
  const last = await request(telemetry, 'last', increment);
  await shop.service.drain({ until: 'written' });
  await eventually(() => {
    const [flush] = spansOf(telemetry.spans, 'spillway flush', shop.namespace);
    expect(flush?.links.map((link) => link.context.traceId)).toEqual([last.spanContext().traceId]);
    expect(flush?.attributes['spillway.changes']).toBe(2);
  });
});

test('a flush of another process links to the request through Redis', async () => {
  const client = new Redis(sharedRedisUrl());
  using telemetry = instrumented({ links: redisLinks(client) });
  await using shop = await openShop({ worker: false });
  const span = await request(telemetry, 'POST /one', async () => shop.make(3));
  expect((await client.keys(`spillway-link:${shop.namespace}:*`)).length).toBe(3);
  await shop.service.drain({ until: 'written' });
  await eventually(() => {
    const links = spansOf(telemetry.spans, 'spillway flush', shop.namespace).flatMap((flush) => flush.links);
    expect(new Set(links.map((link) => link.context.traceId))).toEqual(new Set([span.spanContext().traceId]));
    expect(links.every((link) => link.context.isRemote === true)).toBe(true);
  });
  expect(await client.keys(`spillway-link:${shop.namespace}:*`)).toEqual([]);
  await client.quit();
});

test('a request that is not sampled puts no link', async () => {
  const puts: number[] = [];
  const instrumentation = new SpillwayInstrumentation({
    links: { put: (_namespace, rows) => void puts.push([...rows].length), take: () => [] },
  });
  instrumentation.setTracerProvider(new TracerProvider({ sampler: new AlwaysOffSampler() }));
  instrumentation.enable();
  await using shop = await openShop();
  await shop.make(1);
  instrumentation.disable();
  expect(puts).toEqual([]);
});

test('a failure sets the status of the span, and names its code without its message', async () => {
  using telemetry = instrumented();
  await using shop = await openShop();
  await shop.make(1);
  await shop.service.stop();
  await expect(shop.make(1)).rejects.toMatchObject({ code: 'STOPPED' });
  const failed = spansOf(telemetry.spans, 'spillway stage', shop.namespace).at(-1);
  expect(failed?.status).toEqual({ code: SpanStatusCode.ERROR });
  expect(failed?.attributes['error.type']).toBe('STOPPED');
  expect(trace.getActiveSpan()).toBeUndefined();
});
