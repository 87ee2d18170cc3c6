import type { Health, Spillway } from '@spillway/core';
import type { NoSnapshot, OwnCounts, Point, Snapshot } from '../wire.js';
import { FlushTimes } from './flush-times.js';
import { type Look, pointOf } from './rates.js';

export interface Listener {
  snapshot(snapshot: Snapshot): void;
  problem(problem: NoSnapshot): void;
}

/** Between two looks, at least; a look that takes long is taken more seldom, so that looking costs at most a tenth. */
const LOOK_MS = 1_000;
const MOST_OF_TIME = 10;
/** Health asks Redis and PostgreSQL for more than counts do. */
const HEALTH_MS = 5_000;
/** Ten minutes of looks. */
const MOST_POINTS = 600;

/** Looks at the counts while anybody watches, once for all who do. */
export class Figures {
  readonly #spillway: Spillway;
  readonly #listeners = new Set<Listener>();
  readonly #own: { -readonly [Name in keyof OwnCounts]: OwnCounts[Name] };
  readonly #times: FlushTimes | undefined;
  readonly #points: Point[] = [];
  #before: Look | undefined;
  #last: Snapshot | undefined;
  #health: { readonly atMs: number; readonly health: Health } | undefined;
  #isLooking = false;

  constructor(spillway: Spillway) {
    this.#spillway = spillway;
    const source: unknown = Reflect.get(spillway, 'telemetrySource');
    this.#times = source === undefined ? undefined : new FlushTimes(source);
    this.#own = { sinceMs: Date.now(), conflicts: 0, retries: 0, deadLetters: 0, timesFlushes: source !== undefined };
    spillway.on('conflict', () => (this.#own.conflicts += 1));
    spillway.on('retry', () => (this.#own.retries += 1));
    spillway.on('dead-letter', () => (this.#own.deadLetters += 1));
  }

  /** The last points, the oldest first. Empty if nobody has watched lately. */
  get points(): readonly Point[] {
    return this.#points;
  }

  /** @returns what ends the watching */
  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#last) listener.snapshot(this.#last);
    this.#look();
    return () => this.#listeners.delete(listener);
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#lookOn().catch(() => undefined);
  }

  async #lookOn(): Promise<void> {
    while (this.#listeners.size > 0) {
      const beganMs = performance.now();
      await this.#tell();
      const tookMs = performance.now() - beganMs;
      await pause(Math.max(LOOK_MS - tookMs, tookMs * MOST_OF_TIME));
    }
    // What comes after a break is no continuation.
    this.#isLooking = false;
    this.#before = undefined;
    this.#last = undefined;
    this.#points.length = 0;
  }

  async #tell(): Promise<void> {
    try {
      const snapshot = await this.#snapshot();
      this.#last = snapshot;
      for (const listener of this.#listeners) listener.snapshot(snapshot);
    } catch (error) {
      const health = await this.#spillway.health();
      const problem = error instanceof Error ? error.message : String(error);
      for (const listener of this.#listeners) listener.problem({ problem, health });
    }
  }

  async #snapshot(): Promise<Snapshot> {
    const status = await this.#spillway.status();
    const look: Look = { atMs: Date.now(), status };
    const flushMs = this.#times?.take();
    const point: Point = { ...pointOf(this.#before, look), ...(flushMs && { flushMs }) };
    this.#before = look;
    this.#points.push(point);
    if (this.#points.length > MOST_POINTS) this.#points.shift();
    return { point, status, health: await this.#healthNow(), own: this.#own };
  }

  async #healthNow(): Promise<Health> {
    if (this.#health && performance.now() - this.#health.atMs < HEALTH_MS) return this.#health.health;
    const health = await this.#spillway.health();
    this.#health = { atMs: performance.now(), health };
    return health;
  }
}

/** Keeps no process alive. */
async function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
