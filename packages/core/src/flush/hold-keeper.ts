import { endHoldsByLedger, type EndedHolds } from './end-holds.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { StageSide } from '../staging/stage-side.js';

/** The transaction of a younger hold has most likely not ended; such a hold is left to the calls that meet it. */
const LEAST_AGE_MS = 500;

/** Ensures that no hold outlives its transaction, whichever process made it. */
export class HoldKeeper {
  readonly #staging: Pick<StageSide, 'held'>;
  readonly #sink: Pick<ChangeSink, 'endings'>;
  readonly #onStaged: (shards: Iterable<number>) => void;
  /** Transactions of this process. They are known to run, without asking the database. */
  readonly #running = new Set<string>();

  constructor(
    staging: Pick<StageSide, 'held'>,
    sink: Pick<ChangeSink, 'endings'>,
    onStaged: (shards: Iterable<number>) => void,
  ) {
    this.#staging = staging;
    this.#sink = sink;
    this.#onStaged = onStaged;
  }

  began(transaction: string): void {
    this.#running.add(transaction);
  }

  ended(transaction: string): void {
    this.#running.delete(transaction);
  }

  isRunningHere(transaction: string): boolean {
    return this.#running.has(transaction);
  }

  /** Ends the holds of all transactions that have ended by now. */
  async endHolds(): Promise<EndedHolds> {
    return this.#endOlder(0);
  }

  /** The same at intervals, for holds that no call meets. */
  async sweep(): Promise<EndedHolds> {
    return this.#endOlder(LEAST_AGE_MS);
  }

  async #endOlder(leastAgeMs: number): Promise<EndedHolds> {
    const ended = await endHoldsByLedger(
      this.#staging,
      this.#sink,
      ({ transaction, ageMs }) => ageMs >= leastAgeMs && !this.#running.has(transaction),
    );
    this.#onStaged(ended.staged.keys());
    return ended;
  }
}
