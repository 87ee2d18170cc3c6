import type { EventMessage, FlushMessage, StageMessage } from '@spillway/core';
import type { Attributes } from './attributes.js';
import { onTold, onTraced, type Traced, type TracedName } from './channels.js';
import { counterOf } from './event-counters.js';
import { endOf, namespaceOf } from './ends.js';
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
    this.#unsubscribe = [
      onTold('event', (message) => this.#happened(message)),
      this.#timed('stage', (message) => this.#staged(message)),
      this.#timed('flush', (message, seconds) => this.#flushed(message, seconds)),
      this.#timed('drain', () => undefined),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  #timed<Name extends TracedName>(name: Name, note: (message: Traced[Name], seconds: number) => void): () => void {
    return onTraced(name, {
      start: (message) => void this.#startedMs.set(message, performance.now()),
      end: (message) => {
        const startedMs = this.#startedMs.get(message);
        if (startedMs === undefined) return;
        const seconds = (performance.now() - startedMs) / 1_000;
        this.#meter.record(`spillway.${name}.duration`, seconds, { ...namespaceOf(message), ...endOf(message) });
        note(message, seconds);
      },
    });
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
    if (records === undefined || records.size === 0) return;
    const own = namespaceOf(message);
    this.#meter.record('spillway.flush.size', records.size, own);
    const byOutcome = new Map<string, { readonly attributes: Attributes; records: number }>();
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
    const counted = counterOf(event);
    if (counted === undefined) return;
    const { counter, attributes } = counted;
    this.#meter.add(counter, 1, { ...namespaceOf({ source }), ...attributes });
  }
}

function count(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
