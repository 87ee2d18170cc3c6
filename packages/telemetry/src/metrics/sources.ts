import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { LifeMessage, TelemetrySource } from '@spillway/core';

const TRACED = ['stage', 'flush', 'drain'] as const;

/** The engines of this process that are open, as far as a message has named them. */
export class Sources implements Iterable<TelemetrySource> {
  readonly #open = new Set<TelemetrySource>();
  readonly #note = (message: unknown): void => void this.#open.add((message as LifeMessage).source);
  readonly #forget = (message: unknown): void => void this.#open.delete((message as LifeMessage).source);

  start(): void {
    channel('spillway:open').subscribe(this.#note);
    channel('spillway:close').subscribe(this.#forget);
    // An engine that was open before is noticed by what it does.
    for (const name of TRACED) tracingChannel(`spillway:${name}`).start.subscribe(this.#note);
  }

  stop(): void {
    channel('spillway:open').unsubscribe(this.#note);
    channel('spillway:close').unsubscribe(this.#forget);
    for (const name of TRACED) tracingChannel(`spillway:${name}`).start.unsubscribe(this.#note);
    this.#open.clear();
  }

  [Symbol.iterator](): Iterator<TelemetrySource> {
    return [...this.#open].values();
  }
}
