import type { LifeMessage, TelemetrySource } from '@spillway/core';
import { onTold, onTraced } from './channels.js';

/** The engines of this process that are open, as far as a message has named them. */
export class Sources implements Iterable<TelemetrySource> {
  readonly #open = new Set<TelemetrySource>();
  #unsubscribe: readonly (() => void)[] = [];

  start(): void {
    if (this.#unsubscribe.length > 0) return;
    const note = ({ source }: LifeMessage): void => void this.#open.add(source);
    this.#unsubscribe = [
      onTold('open', note),
      onTold('close', ({ source }) => this.#open.delete(source)),
      // An engine that was open before is noticed by what it does.
      onTraced('stage', { start: note }),
      onTraced('flush', { start: note }),
    ];
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
    this.#open.clear();
  }

  [Symbol.iterator](): Iterator<TelemetrySource> {
    return [...this.#open].values();
  }
}
