import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api';
import type { RowKey } from '@spillway/core';
import { type LinkStore, MOST_LINKS } from './links.js';

/** What is used of a client of Redis. Clients of ioredis have it, those of a Redis Cluster too. */
export interface LinkClient {
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>;
  getdel(key: string): Promise<string | null>;
}

export interface RedisLinksOptions {
  /** How long a link waits for the flush of its row, seconds. @defaultValue 60 */
  readonly ttlSeconds?: number;
}

/**
 * Links between processes: the application notes in Redis which span has staged a row, and the worker that flushes the
 * row asks for it. Give it to the instrumentation in both processes. It costs a `SET` per row, and 258 bytes of Redis'
 * memory for `ttlSeconds`, only for requests that are sampled, and up to 128 `GETDEL` per flush. Nobody waits for it.
 *
 * @param client any Redis 6.2 or newer: that of the application, or one of its own
 * @example
 * ```ts
 * new SpillwayInstrumentation({ links: redisLinks(new Redis('redis://localhost:6379')) });
 * ```
 */
export function redisLinks(client: LinkClient, { ttlSeconds = 60 }: RedisLinksOptions = {}): LinkStore {
  return {
    put(namespace, rows, span) {
      const text = textOf(span);
      for (const row of rows) client.set(keyOf(namespace, row), text, 'EX', ttlSeconds).catch(forgotten);
    },
    async take(namespace, rows) {
      const keys = [...rows].slice(0, MOST_LINKS).map((row) => keyOf(namespace, row));
      const texts = await Promise.all(keys.map(async (key) => client.getdel(key).catch(forgotten)));
      const spans = texts.flatMap((text) => (text ? (spanOf(text) ?? []) : []));
      return [...new Map(spans.map((span) => [span.spanId, span])).values()];
    },
  };
}

/** Telemetry must not fail what it watches. */
function forgotten(): undefined {
  return undefined;
}

function keyOf(namespace: string, row: RowKey): string {
  return `spillway-link:${namespace}:${row}`;
}

/** In the form of the header `traceparent`. */
function textOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function spanOf(text: string): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = '0'] = text.split('-');
  const isSampled = (Number.parseInt(flags, 16) & TraceFlags.SAMPLED) !== 0;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  const span: SpanContext = { traceId, spanId, traceFlags, isRemote: true };
  return isSpanContextValid(span) ? span : undefined;
}
