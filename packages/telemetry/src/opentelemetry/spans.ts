import {
  context,
  type Attributes,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import type { DrainMessage, FlushMessage, StageMessage } from '@spillway/core';
import { onTraced } from '../metrics/channels.js';
import { type Ended, endOf, failureOf, namespaceOf } from '../metrics/ends.js';
import type { LinkStore } from './links.js';

/**
 * The spans of Spillway, from `start` to `stop`. `spillway stage` and `spillway drain` are children of the span that is
 * active in the caller. `spillway flush` is a root, with links to the spans that have staged its rows.
 */
export class Spans {
  readonly #tracer: Tracer;
  readonly #links: LinkStore;
  readonly #running = new WeakMap<object, Span>();
  /** When a flush began, in milliseconds since 1970. */
  readonly #began = new WeakMap<FlushMessage, number>();
  #unsubscribe: readonly (() => void)[] = [];

  constructor(tracer: Tracer, links: LinkStore) {
    this.#tracer = tracer;
    this.#links = links;
  }

  start(): void {
    if (this.#unsubscribe.length > 0) return;
    this.#unsubscribe = [
      onTraced('stage', { start: (message) => this.#staging(message), end: (message) => this.#staged(message) }),
      onTraced('drain', { start: (message) => this.#draining(message), end: (message) => this.#end(message, {}) }),
      onTraced('flush', {
        start: (message) => void this.#began.set(message, Date.now()),
        end: (message) => void this.#flushed(message),
      }),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  /** The links are put before the changes are sent, so that no flush can be faster. */
  #staging(message: StageMessage): void {
    const span = this.#tracer.startSpan('spillway stage', {
      kind: SpanKind.PRODUCER,
      attributes: { ...namespaceOf(message), 'spillway.changes': message.rows.size },
    });
    this.#running.set(message, span);
    const own = span.spanContext();
    const isSampled = (own.traceFlags & TraceFlags.SAMPLED) !== 0;
    if (isSampled) this.#links.put(message.source.namespace, message.rows.keys(), own);
  }

  #staged(message: StageMessage): void {
    this.#end(message, { 'spillway.staged': message.staged?.size ?? 0 });
  }

  #draining(message: DrainMessage): void {
    const span = this.#tracer.startSpan('spillway drain', { attributes: { ...namespaceOf(message) } });
    this.#running.set(message, span);
  }

  #end(message: DrainMessage | StageMessage, attributes: Attributes): void {
    const span = this.#running.get(message);
    if (span === undefined) return;
    span.setAttributes({ ...endOf(message), ...attributes });
    fail(span, message);
    span.end();
  }

  /** A flush that has found nothing has no span. Its span is made at the end, when its rows are known. */
  async #flushed(message: FlushMessage): Promise<void> {
    const { source, outcome, records } = message;
    const startTime = this.#began.get(message);
    if (startTime === undefined || outcome === 'nothing') return;
    const endTime = Date.now();
    const links = await this.#links.take(source.namespace, records?.keys() ?? []);
    const changes = [...(records?.values() ?? [])].reduce((sum, record) => sum + record.changes, 0);
    const span = this.#tracer.startSpan(
      'spillway flush',
      {
        kind: SpanKind.CONSUMER,
        root: true,
        startTime,
        links: links.map((linked) => ({ context: linked })),
        attributes: {
          ...namespaceOf(message),
          ...endOf(message),
          'db.system.name': 'postgresql',
          'spillway.shards': message.shards,
          'spillway.records': records?.size ?? 0,
          'spillway.changes': changes,
        },
      },
      context.active(),
    );
    if (outcome !== 'written') fail(span, message);
    span.end(endTime);
  }
}

/** The message of an error may quote values, so only its kind is told. */
function fail(span: Span, message: Ended): void {
  if (failureOf(message) !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
}
