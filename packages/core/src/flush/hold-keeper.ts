import { allAnswered } from './all-answered.js';
import { endHoldsByLedger, type EndedHolds } from './end-holds.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { StageSide } from '../staging/stage-side.js';

/** The transaction of a younger hold has most likely not ended; such a hold is left to the calls that meet it. */
const LEAST_AGE_MS = 500;

/** The holds, and which shards are on one server. */
type HoldSide = Pick<StageSide, 'held' | 'serverOf' | 'shards'>;

/** Ensures that no hold outlives its transaction, whichever process made it. */
export class HoldKeeper {
  readonly #staging: HoldSide;
  readonly #sink: Pick<ChangeSink, 'endings'>;
  readonly #onStaged: (shards: Iterable<number>) => void;
  /** Transactions of this process. They are known to run, without asking the database. */
  readonly #running = new Set<string>();

  constructor(staging: HoldSide, sink: Pick<ChangeSink, 'endings'>, onStaged: (shards: Iterable<number>) => void) {
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

  /**
   * Ends the holds of all transactions that have ended by now: in all shards, or in those that are given. A server that
   * does not answer keeps its holds, and its error is thrown once those of the others are ended.
   */
  async endHolds(shards?: readonly number[]): Promise<EndedHolds> {
    return this.#endOlder(0, shards);
  }

  /** The same at intervals, for holds that no call meets. */
  async sweep(): Promise<EndedHolds> {
    return this.#endOlder(LEAST_AGE_MS);
  }

  async #endOlder(leastAgeMs: number, shards?: readonly number[]): Promise<EndedHolds> {
    const servers = this.#byServer(shards);
    if (servers.length <= 1) return this.#endIn(leastAgeMs, shards);
    const ended = await allAnswered(servers.map(async (ofServer) => this.#endIn(leastAgeMs, ofServer)));
    return {
      staged: new Map(ended.flatMap(({ staged }) => [...staged])),
      running: ended.reduce((sum, { running }) => sum + running, 0),
    };
  }

  async #endIn(leastAgeMs: number, shards: readonly number[] | undefined): Promise<EndedHolds> {
    const ended = await endHoldsByLedger(
      this.#staging,
      this.#sink,
      ({ transaction, ageMs }) => ageMs >= leastAgeMs && !this.#running.has(transaction),
      shards,
    );
    this.#onStaged(ended.staged.keys());
    return ended;
  }

  #byServer(shards: readonly number[] = [...Array(this.#staging.shards).keys()]): readonly (readonly number[])[] {
    return [...Map.groupBy(shards, (shard) => this.#staging.serverOf(shard)).values()];
  }
}
