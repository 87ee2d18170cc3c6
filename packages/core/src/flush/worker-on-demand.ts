import type { DueScope, LookSide } from '../staging/look-side.js';
import type { DrainLimits, DrainResult } from './drain.js';
import { monotonicScheduler } from './monotonic-scheduler.js';
import type { StopClock } from './stop-clock.js';
import { shardsLeft, stopped } from './stopped.js';
import type { FlushWorker, StopOptions, StopReport } from './worker.js';

/**
 * The worker of one process, made when something has to be flushed for the first time. A process that only stages and
 * reads (`worker: false`) never has one: `wake()` and `stop()` make none.
 */
export class WorkerOnDemand {
  readonly #looks: Pick<LookSide, 'due'>;
  readonly #make: () => FlushWorker;
  #made: FlushWorker | undefined;
  #isStopped = false;

  constructor(looks: Pick<LookSide, 'due'>, make: () => FlushWorker) {
    this.#looks = looks;
    this.#make = make;
  }

  get isStopped(): boolean {
    return this.#isStopped || this.#made?.isStopping === true;
  }

  /** Flushes what is due from now on. Calling it again changes nothing. */
  start(): void {
    this.#worker('started').start();
  }

  /** @throws SpillwayError `DRAIN_TIMEOUT`, `STOPPED`, `STAGING_UNAVAILABLE` or `STAGING_TIMEOUT` */
  async drain(scope: DueScope, limits: DrainLimits): Promise<DrainResult> {
    return this.#worker('drained').drain(scope, limits);
  }

  /** Something was staged in these shards by this process. Cheap, and never throws. */
  wake(shards: Iterable<number>): void {
    this.#made?.wake(shards);
  }

  /** Batches of these shards may be in the database without the staging store's knowing. Never throws. */
  unsettled(shards: Iterable<number>): void {
    if (!this.#isStopped) this.#worker('asked').unsettled(shards);
  }

  /** What keeps shards from being flushed until a person acts, as far as this process has tried it lately. */
  get blockedBy(): readonly unknown[] {
    return this.#made?.blockedBy ?? [];
  }

  /** See `FlushWorker.stop`. */
  async stop(options: StopOptions, clock?: StopClock): Promise<StopReport> {
    const worker = this.#made ?? (options.drain === false || this.#isStopped ? undefined : this.#worker('stopped'));
    if (worker) return worker.stop(options, clock);
    this.#isStopped = true;
    return { left: await shardsLeft(this.#looks, clock?.leftMs ?? 0, monotonicScheduler) };
  }

  #worker(act: string): FlushWorker {
    if (this.#isStopped) throw stopped(act);
    this.#made ??= this.#make();
    return this.#made;
  }
}
