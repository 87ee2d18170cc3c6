import type { SpanContext } from '@opentelemetry/api';
import type { RowKey } from '@spillway/core';

/**
 * Remembers which span has staged a row, until the row is flushed. Of several spans, the last one counts. A store may
 * forget: a link is then missing, and nothing else.
 */
export interface LinkStore {
  /** Never throws, and is not waited for. */
  put(namespace: string, rows: Iterable<RowKey>, span: SpanContext): void;
  /** The spans of these rows, each once. The rows have none from then on. */
  take(namespace: string, rows: Iterable<RowKey>): Promise<readonly SpanContext[]> | readonly SpanContext[];
}

/** The most links of one span, as the SDK limits it. */
export const MOST_LINKS = 128;

/** Most rows whose spans a process remembers. Past it, the oldest are forgotten. */
const MOST_ROWS = 10_000;

/** How long a row's span is remembered: another process may have flushed the row. Milliseconds. */
const REMEMBERED_MS = 60_000;

/** Links within one process: for an application whose own worker flushes. */
export class ProcessLinks implements LinkStore {
  readonly #spans = new Map<string, { readonly span: SpanContext; readonly untilMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  put(namespace: string, rows: Iterable<RowKey>, span: SpanContext): void {
    const entry = { span, untilMs: this.#now() + REMEMBERED_MS };
    for (const row of rows) {
      const key = keyOf(namespace, row);
      // A map keeps the order of first insertion: what is set anew goes to the end.
      this.#spans.delete(key);
      this.#spans.set(key, entry);
    }
    for (const key of this.#spans.keys()) {
      if (this.#spans.size <= MOST_ROWS) break;
      this.#spans.delete(key);
    }
  }

  take(namespace: string, rows: Iterable<RowKey>): readonly SpanContext[] {
    const found = new Map<string, SpanContext>();
    for (const row of rows) {
      const key = keyOf(namespace, row);
      const entry = this.#spans.get(key);
      this.#spans.delete(key);
      const isKnown = entry !== undefined && entry.untilMs > this.#now();
      if (isKnown && found.size < MOST_LINKS) found.set(entry.span.spanId, entry.span);
    }
    return [...found.values()];
  }
}

function keyOf(namespace: string, row: RowKey): string {
  return `${namespace} ${row}`;
}
