import { exhaustMap, merge, type SchedulerLike, type Subscription, timer } from 'rxjs';
import type { SpillwayEvents } from '../events.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { StagingStore } from '../staging/staging-store.js';
import type { FlushSettings } from './flush-settings.js';
import type { HoldKeeper } from './hold-keeper.js';

export interface HousekeepingDeps {
  readonly staging: StagingStore;
  readonly sink: ChangeSink;
  readonly keeper: HoldKeeper;
  readonly events: SpillwayEvents;
  readonly settings: FlushSettings;
  readonly scheduler: SchedulerLike;
}

/**
 * The periodic tasks of a worker besides flushing: it removes old rows of the ledger and old dead letters, and ends the
 * holds of transactions that have ended. A failure is an event, and the task is tried again the next time.
 */
export class Housekeeping {
  readonly #deps: HousekeepingDeps;
  #running: Subscription | undefined;

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
  }

  /** Calling it again changes nothing. */
  start(): void {
    const { scheduler, settings } = this.#deps;
    const { pruneEveryMs, sweepEveryMs } = settings;
    this.#running ??= merge(
      timer(pruneEveryMs, pruneEveryMs, scheduler).pipe(exhaustMap(() => this.#prune())),
      timer(sweepEveryMs, sweepEveryMs, scheduler).pipe(exhaustMap(() => this.#sweep())),
    ).subscribe();
  }

  stop(): void {
    this.#running?.unsubscribe();
  }

  async #prune(): Promise<void> {
    const { staging, sink, settings } = this.#deps;
    await this.#try('ledger-pruning', async () => {
      // Asked before pruning: later holds are younger than the rows that are pruned.
      const held = await staging.held.list();
      await sink.prune(
        settings.ledgerAgeMs,
        held.map(({ id }) => id),
      );
    });
    await this.#try('dead-letters', async () => staging.deadLetters.trim());
  }

  async #sweep(): Promise<void> {
    await this.#try('held-changes', async () => this.#deps.keeper.sweep());
  }

  async #try(reason: 'ledger-pruning' | 'dead-letters' | 'held-changes', act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#deps.events.emit({ type: 'retry', shards: [], reason, error });
    }
  }
}
