import type { BatchOutcome } from '../change/outcome.js';
import { type RowKey, shardOf } from '../change/row-key.js';
import { hasForgotten } from '../flush/chain.js';
import type { EnginePending } from '../mikro-orm/engine.js';
import type { CallersContext, CallersTransaction } from '../mikro-orm/transactions/caller.js';
import { SharedLookUps } from '../read/shared-look-ups.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { Pending } from '../staging/look-side.js';
import type { Holdings } from './holdings.js';
import type { Parts } from './parts.js';
import type { Promotions } from './promotions.js';

interface PendingLooksDeps {
  readonly context: CallersContext;
  readonly holdings: Holdings;
  readonly promotions: Promotions;
  readonly open: () => Promise<Parts>;
  /** True if this process has nothing to do with staging any more. */
  readonly isOver: () => Promise<boolean>;
}

/** Pending changes of rows, and their outcomes: for reads that lay pending changes over rows. */
export class PendingLooks implements EnginePending {
  readonly #deps: PendingLooksDeps;
  readonly #outcomes: SharedLookUps<string, BatchOutcome>;

  constructor(deps: PendingLooksDeps) {
    this.#deps = deps;
    this.#outcomes = new SharedLookUps(async (tokens: readonly string[]) =>
      databaseFor('This read has to look into the ledger.', (await deps.open()).sink.outcomes(tokens)),
    );
  }

  async peek(keys: readonly RowKey[], inside?: CallersTransaction): Promise<ReadonlyMap<RowKey, Pending>> {
    const { holdings, promotions, open, isOver } = this.#deps;
    if (await isOver()) return new Map();
    const parts = await open();
    const found = await holdings.peek(keys, inside?.scope, parts);
    return promotions.unwritten(found, inside?.scope, parts);
  }

  async outcomes(tokens: readonly string[], inside?: CallersTransaction): Promise<ReadonlyMap<string, BatchOutcome>> {
    const { context, promotions, open } = this.#deps;
    // A look-up shared with other readers may be waiting for the end of this transaction.
    if (context.current) return (await open()).sink.outcomes(tokens);
    return inside ? promotions.outcomes(tokens, inside, await open()) : this.#outcomes.find(tokens);
  }

  async acknowledge(key: RowKey, token: string, outcomes: BatchOutcome): Promise<void> {
    const { staging } = await this.#deps.open();
    await staging.acknowledge(shardOf(key, staging.shards), token, outcomes, [key]);
  }

  async hasForgotten(key: RowKey): Promise<boolean> {
    const { looks, sink } = await this.#deps.open();
    return hasForgotten(shardOf(key, looks.shards), looks, sink);
  }
}
