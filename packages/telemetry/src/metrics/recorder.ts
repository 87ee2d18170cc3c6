import { channel, tracingChannel, type TracingChannelSubscribers } from 'node:diagnostics_channel';
import type {
  DrainMessage,
  EventMessage,
  FlushMessage,
  SpillwayEvent,
  StageMessage,
  TelemetrySource,
} from '@spillway/core';
import type { Attributes } from './attributes.js';
import { errorType } from './error-type.js';
import type { HistogramName } from './histograms.js';
import type { Meter } from './meter.js';

/** Counts and times what Spillway publishes on its channels, from `start` to `stop`. */
export class Recorder {
  readonly #meter: Meter;
  /** When the work of a message began, as `performance.now()` tells it. */
  readonly #startedMs = new WeakMap<object, number>();
  #unsubscribe: readonly (() => void)[] = [];

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  start(): void {
    if (this.#unsubscribe.length > 0) return;
    const onEvent = (message: unknown): void => this.#happened(message as EventMessage);
    const events = channel('spillway:event');
    events.subscribe(onEvent);
    this.#unsubscribe = [
      () => events.unsubscribe(onEvent),
      this.#timed<StageMessage>('stage', (message) => this.#staged(message)),
      this.#timed<FlushMessage>('flush', (message, seconds) => this.#flushed(message, seconds)),
      this.#timed<DrainMessage>('drain', () => undefined),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  /** @returns a function that takes the subscription back */
  #timed<Message extends Ended>(
    name: 'stage' | 'flush' | 'drain',
    note: (message: Message, seconds: number) => void,
  ): () => void {
    const histogram: HistogramName = `spillway.${name}.duration`;
    const subscribers: TracingChannelSubscribers<Message> = {
      start: (message) => void this.#startedMs.set(message, performance.now()),
      end: () => undefined,
      error: () => undefined,
      asyncStart: () => undefined,
      asyncEnd: (message) => {
        const startedMs = this.#startedMs.get(message);
        if (startedMs === undefined) return;
        const seconds = (performance.now() - startedMs) / 1_000;
        this.#meter.record(histogram, seconds, { ...namespaceOf(message), ...endOf(message) });
        note(message, seconds);
      },
    };
    const tracing = tracingChannel<unknown, Message>(`spillway:${name}`);
    tracing.subscribe(subscribers);
    return () => tracing.unsubscribe(subscribers);
  }

  #staged(message: StageMessage): void {
    const own = namespaceOf(message);
    const byEntity = new Map<string, number>();
    for (const rowKey of message.staged ?? []) count(byEntity, message.rows.get(rowKey) ?? '');
    for (const [entity, changes] of byEntity) {
      this.#meter.add('spillway.staged.changes', changes, { ...own, 'spillway.entity': entity });
    }
    for (const [reason, changes = 0] of Object.entries(message.refused ?? {})) {
      this.#meter.add('spillway.refused.changes', changes, { ...own, 'spillway.reason': reason });
    }
  }

  #flushed(message: FlushMessage, seconds: number): void {
    const { records } = message;
    if (message.outcome !== 'written' || records === undefined) return;
    const own = namespaceOf(message);
    this.#meter.record('spillway.flush.size', records.size, own);
    const byOutcome = new Map<string, { attributes: Attributes; records: number }>();
    const changes = new Map<string, number>();
    for (const { entity, outcome, changes: merged, waitedMs } of records.values()) {
      const key = `${outcome} ${entity}`;
      const attributes = { ...own, 'spillway.entity': entity, 'spillway.outcome': outcome };
      const sum = byOutcome.get(key) ?? { attributes, records: 0 };
      sum.records += 1;
      byOutcome.set(key, sum);
      if (outcome !== 'written') continue;
      count(changes, entity, merged);
      this.#meter.record('spillway.record.age', waitedMs / 1_000 + seconds, { ...own, 'spillway.entity': entity });
    }
    for (const sum of byOutcome.values()) this.#meter.add('spillway.flushed.records', sum.records, sum.attributes);
    for (const [entity, merged] of changes) {
      this.#meter.add('spillway.flushed.changes', merged, { ...own, 'spillway.entity': entity });
    }
  }

  #happened({ source, event }: EventMessage): void {
    const counted = countedOf(event);
    if (counted === undefined) return;
    const [counter, value, attributes] = counted;
    this.#meter.add(counter, value, { ...namespaceOf({ source }), ...attributes });
  }
}

interface Ended {
  readonly source: TelemetrySource;
  readonly error?: unknown;
  readonly outcome?: string;
  readonly failures?: readonly { readonly error: unknown }[];
}

/** The counter of an event, how much it counts, and its attributes; `undefined` if nothing counts it. */
function countedOf(event: SpillwayEvent): Parameters<Meter['add']> | undefined {
  switch (event.type) {
    case 'conflict':
      return ['spillway.conflicts', 1, { 'spillway.entity': event.entity, 'spillway.outcome': event.settled }];
    case 'dead-letter':
      return ['spillway.dead_letters.made', 1, { 'spillway.entity': event.entity, 'spillway.code': event.code }];
    case 'retry':
      return ['spillway.retries', 1, { 'spillway.reason': event.reason }];
    case 'overflow':
      return ['spillway.overflows', 1, { 'spillway.reason': event.reason }];
    case 'lagging':
      return ['spillway.lags', 1, { 'spillway.reason': event.reason }];
    case 'paused':
      return ['spillway.pauses', 1, { 'spillway.reason': event.cause }];
    case 'sink-down':
      return ['spillway.outages', 1, { 'db.system.name': 'postgresql' }];
    case 'staging-down':
      return ['spillway.outages', 1, { 'db.system.name': 'redis' }];
    case 'staging-loss':
      return ['spillway.losses', 1, { 'db.system.name': event.forgot === 'staging' ? 'redis' : 'postgresql' }];
    default:
      return undefined;
  }
}

function namespaceOf({ source }: { readonly source: TelemetrySource }): Attributes {
  return { 'spillway.namespace': source.namespace };
}

function endOf({ outcome, error, failures }: Ended): Attributes {
  const failure = error ?? failures?.[0]?.error;
  return {
    'spillway.outcome': outcome ?? (error === undefined ? 'done' : 'failed'),
    ...(failure !== undefined && { 'error.type': errorType(failure) }),
  };
}

function count(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
