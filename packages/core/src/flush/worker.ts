import { filter, lastValueFrom, map, type Observable, type SchedulerLike, scan, Subject, takeWhile } from 'rxjs';
import type { SpillwayEvents } from '../events.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { DueScope, LookSide, ShardWait } from '../staging/look-side.js';
import type { StagingStore } from '../staging/staging-store.js';
import type { Board } from './board.js';
import { drain, type DrainLimits, type DrainResult } from './drain.js';
import { flushPipeline } from './flush-pipeline.js';
import type { FlushReport } from './flush-report.js';
import { FLUSH_DEFAULTS, type FlushSettings } from './flush-settings.js';
import { flushShards, type FlushSteps } from './flush-shards.js';
import { HoldKeeper } from './hold-keeper.js';
import { Housekeeping } from './housekeeping.js';
import { monotonicScheduler } from './monotonic-scheduler.js';
import { PendingOthers } from './pending-others.js';
import { rendezvousOrder } from './rendezvous.js';
import { Slots } from './slots.js';
import { shardsLeft, stopped } from './stopped.js';
import { StopClock } from './stop-clock.js';
import type { Signal, Turn } from './take-turn.js';

export interface WorkerOptions {
  readonly staging: StagingStore;
  readonly sink: ChangeSink;
  readonly events: SpillwayEvents;
  /** Unique among the workers that run at a time; decides only which shards this one looks at first. */
  readonly workerId: string;
  readonly settings?: Partial<FlushSettings>;
  /** The setting of this name, where it may change. */
  readonly onStagingLoss?: () => FlushSettings['onStagingLoss'];
  /** @defaultValue real time that only goes forward */
  readonly scheduler?: SchedulerLike;
  /** @defaultValue `Math.random` */
  readonly random?: () => number;
  readonly steps?: FlushSteps;
  /** Runs flushes and drains, so that they can be traced. @defaultValue runs them and nothing else */
  readonly trace?: WorkTrace;
  /** What is pending, with what transactions have committed. @defaultValue the store's own looks */
  readonly looks?: LookSide;
  /** Ends what transactions hold that have ended. @defaultValue one of its own */
  readonly keeper?: HoldKeeper;
}

/** Runs what a worker does, and answers what it has answered. */
export interface WorkTrace {
  /** @param shards how many shards are flushed */
  flush(shards: number, isOfDrain: boolean, flush: () => Promise<FlushReport>): Promise<FlushReport>;
  drain(run: () => Promise<DrainResult>): Promise<DrainResult>;
}

const UNTRACED: WorkTrace = {
  flush: async (_shards, _isOfDrain, flush) => flush(),
  drain: async (run) => run(),
};

export interface StopOptions {
  /** Flush everything first, as far as there is time. @defaultValue true */
  readonly drain?: boolean;
  /** Milliseconds for all of it. @defaultValue 30000 */
  readonly timeoutMs?: number;
}

export interface StopReport {
  /**
   * Shards that hold something pending; `undefined` if the staging store could not say. It stays staged, and the next
   * worker flushes it.
   */
  readonly left: number | undefined;
}

/**
 * The flushing of one process. Until `start` it flushes only for its own drains. From then on it flushes all due
 * records, whichever process staged them. It ends with `stop`, once and for all.
 */
export class FlushWorker implements AsyncDisposable {
  readonly #looks: LookSide;
  /** Which refused rows wait for others. */
  readonly others: PendingOthers;
  readonly #events: SpillwayEvents;
  readonly #settings: FlushSettings;
  readonly #scheduler: SchedulerLike;
  readonly #signals = new Subject<Signal>();
  readonly #turns = new Subject<Turn>();
  readonly #ended = Promise.withResolvers<void>();
  /**
   * Shards that were announced since the last look: `wake` is on the path of every save, so a shard is announced once.
   */
  readonly #woken = new Set<number>();
  #isStopping = false;
  #board: Board | undefined;
  readonly #housekeeping: Housekeeping;
  readonly #trace: WorkTrace;

  constructor(options: WorkerOptions) {
    const keeper = options.keeper ?? new HoldKeeper(options.staging, options.sink, (shards) => this.wake(shards));
    this.#looks = options.looks ?? options.staging;
    this.#events = options.events;
    const settings = { ...FLUSH_DEFAULTS, ...options.settings };
    // With one connection nothing else is at work while it is taken, unless the application waits for it.
    this.#settings = options.sink.hasOneConnection ? { ...settings, ahead: 0 } : settings;
    this.#scheduler = options.scheduler ?? monotonicScheduler;
    this.#housekeeping = new Housekeeping({
      staging: options.staging,
      sink: options.sink,
      keeper,
      events: options.events,
      settings: this.#settings,
      scheduler: this.#scheduler,
    });
    const { claimTimeoutMs, onStagingLoss, concurrency, ahead } = this.#settings;
    this.others = new PendingOthers({
      staging: options.staging,
      scheduler: this.#scheduler,
      timeoutMs: claimTimeoutMs,
    });
    const flushing = {
      staging: options.staging,
      sink: options.sink,
      scheduler: this.#scheduler,
      claimTimeoutMs,
      get onStagingLoss() {
        return options.onStagingLoss?.() ?? onStagingLoss;
      },
      others: this.others,
      missed: { isLikely: false },
      ...(ahead > 0 && { ahead: { slots: new Slots(concurrency), lastTokens: new Map<number, string>() } }),
      ...(options.steps ? { steps: options.steps } : {}),
    };
    this.#trace = options.trace ?? UNTRACED;
    flushPipeline(this.#signals, {
      settings: this.#settings,
      random: options.random ?? Math.random,
      order: rendezvousOrder(options.workerId, options.staging.shards),
      scheduler: this.#scheduler,
      flush: async ({ shards, limit, isOfDrain = false }) =>
        this.#trace.flush(shards.length, isOfDrain, async () => flushShards(shards, limit, flushing, isOfDrain)),
      look: () => this.#look(),
    }).subscribe({
      next: (turn) => this.#note(turn),
      error: (error: unknown) => this.#ended.reject(error),
      complete: () => this.#ended.resolve(),
    });
    this.#ended.promise.then(
      () => this.#turns.complete(),
      (error: unknown) => this.#turns.error(error),
    );
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Flushes due records from now on. Calling it again changes nothing. */
  start(): void {
    this.#refuseIfStopping('started');
    this.#signals.next({ kind: 'start' });
    this.#housekeeping.start();
  }

  /** Errors that block shards until a person acts, as far as this process has met them lately. */
  get blockedBy(): readonly unknown[] {
    // A worker would have tried again by then; a process that only drains may never.
    const sinceMs = this.#scheduler.now() - 2 * this.#settings.retry.maxDelayMs;
    const blocked = this.#board?.shards.flatMap(({ blockedBy }) => blockedBy ?? []) ?? [];
    return blocked.filter(({ atMs }) => atMs >= sinceMs).map(({ error }) => error);
  }

  /** This process has staged changes in these shards. Cheap, and never throws. */
  wake(shards: Iterable<number>): void {
    const news = [...shards].filter((shard) => !this.#woken.has(shard));
    if (news.length > 0) {
      for (const shard of news) {
        this.#woken.add(shard);
      }
      this.#signals.next({ kind: 'wake', shards: news });
    }
  }

  /**
   * Batches of these shards may be committed without being acknowledged; the staging store may have forgotten them.
   * Never throws.
   */
  unsettled(shards: Iterable<number>): void {
    this.#signals.next({ kind: 'unsettled', shards: [...shards] });
  }

  /**
   * Flushes what was staged in the scope before the call; also in a process whose worker has not been started.
   *
   * @throws SpillwayError `DRAIN_TIMEOUT`, `STOPPED`, `STAGING_UNAVAILABLE` or `STAGING_TIMEOUT`
   */
  async drain(scope: DueScope, limits: DrainLimits): Promise<DrainResult> {
    this.#refuseIfStopping('drained');
    const beganMs = this.#scheduler.now();
    const result = await this.#trace.drain(async () =>
      drain(scope, limits, {
        looks: this.#looks,
        scheduler: this.#scheduler,
        demand: (shards, fresh) => this.#demand(shards, fresh),
        onLanding: (listener) => {
          const subscription = this.#landings().subscribe({ next: listener, error: () => {} });
          return () => subscription.unsubscribe();
        },
      }),
    );
    this.#events.emit({ type: 'drained', left: result.left, durationMs: this.#scheduler.now() - beganMs });
    return result;
  }

  /**
   * Begins no more flushes, waits for those that run, and tells how many shards are left. It stops waiting when the
   * time is up: the next worker finishes a flush that is cut off. A drain leaves a part of the time to running flushes,
   * which leave a part to the question how many shards are left.
   *
   * @param clock the time that is left, instead of `timeoutMs`, where it may become less meanwhile
   */
  async stop({ drain: drains = true, timeoutMs = 30_000 }: StopOptions = {}, clock?: StopClock): Promise<StopReport> {
    const time = clock ?? new StopClock(timeoutMs, this.#scheduler);
    const graceMs = Math.min(LONGEST_GRACE_MS, time.leftMs / 4);
    const questionMs = Math.min(LONGEST_QUESTION_MS, time.leftMs / 8);
    if (drains && !this.#isStopping) {
      // A drain that cannot end does not prevent the stop; its records show in `left`.
      await time.wait(this.drain({ kind: 'all' }, { timeoutMs: time.leftMs }), graceMs);
    }
    this.#isStopping = true;
    this.#housekeeping.stop();
    this.#signals.next({ kind: 'stop' });
    await time.wait(this.#ended.promise, questionMs);
    const left = await shardsLeft(this.#looks, time.leftMs, this.#scheduler);
    return { left };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #note(turn: Turn): void {
    this.#board = turn.board;
    for (const event of turn.events) {
      this.#events.emit(event);
    }
    this.#turns.next(turn);
  }

  #look(): Promise<readonly ShardWait[]> {
    this.#woken.clear();
    return this.#looks.due.next();
  }

  #landings(): Observable<FlushReport> {
    return this.#turns.pipe(
      map((turn) => turn.landing?.report),
      filter((report) => report !== undefined),
    );
  }

  /** Resolves when a flush of each shard has landed; drains that wait for the same shard share its flush. */
  #demand(shards: ReadonlySet<number>, fresh: boolean): Promise<void> {
    const waiting$ = this.#landings().pipe(
      scan((waiting, report) => new Set([...waiting].filter((shard) => !report.has(shard))), shards),
      takeWhile((waiting) => waiting.size > 0, true),
    );
    const answer = lastValueFrom(waiting$, { defaultValue: shards }).then((waiting) => {
      if (waiting.size > 0) {
        throw stopped('drained to the end');
      }
    });
    this.#signals.next({ kind: 'demand', shards: [...shards], fresh });
    return answer;
  }

  #refuseIfStopping(what: string): void {
    if (this.#isStopping) {
      throw stopped(what);
    }
  }
}

/** A drain leaves this time to flushes that are about to commit. */
const LONGEST_GRACE_MS = 1_000;
/** Flushes leave this time to the question how many shards are left; a working store answers it at once. */
const LONGEST_QUESTION_MS = 500;
