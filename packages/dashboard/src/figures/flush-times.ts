import { tracingChannel } from 'node:diagnostics_channel';

/** What Spillway tells of a flush on its diagnostics channel. */
interface FlushMessage {
  readonly source: unknown;
  readonly outcome?: string;
}

/** Most times that are kept between two looks. */
const MOST_TIMES = 10_000;

/** How long the flushes of one engine take, from claim to acknowledgement. */
export class FlushTimes {
  readonly #begun = new WeakMap<FlushMessage, number>();
  #times: number[] = [];

  /** @param source the engine whose flushes are timed; the channel has those of all engines of the process */
  constructor(source: unknown) {
    const isOurs = (message: unknown): message is FlushMessage => Reflect.get(message as object, 'source') === source;
    tracingChannel('spillway:flush').subscribe({
      start: (message) => void (isOurs(message) && this.#begun.set(message, performance.now())),
      asyncEnd: (message) => void (isOurs(message) && this.#end(message)),
      end: () => undefined,
      asyncStart: () => undefined,
      error: () => undefined,
    });
  }

  /** Median and 95th percentile since the call before, milliseconds; `undefined` if nothing was written. */
  take(): readonly [number, number] | undefined {
    const times = this.#times.toSorted((one, other) => one - other);
    this.#times = [];
    const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return times.length === 0 ? undefined : [at(0.5), at(0.95)];
  }

  #end(message: FlushMessage): void {
    const begunMs = this.#begun.get(message);
    if (begunMs === undefined || message.outcome !== 'written' || this.#times.length >= MOST_TIMES) return;
    this.#times.push(performance.now() - begunMs);
  }
}
