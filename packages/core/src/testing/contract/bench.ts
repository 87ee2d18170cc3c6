import type { Change } from '../../change/change.js';
import type { BatchOutcome, Outcome } from '../../change/outcome.js';
import type { StagedRecord } from '../../change/record.js';
import { type RowKey, rowKeyOf, shardOf } from '../../change/row-key.js';
import type { StagingLimits } from '../../staging/limits.js';
import type { StageRules } from '../../staging/stage-side.js';
import type { Batch } from '../../staging/flush-side.js';
import type { Pending } from '../../staging/look-side.js';
import type { StagingStore } from '../../staging/staging-store.js';
import type { TestFunctions } from '../test-functions.js';
import { stageOne, type StageAnswer, type StageCall, usable } from './one-unit.js';

/** Makes an empty store. The suite closes it. */
export type MakeStore = (options: Partial<StagingLimits> & { readonly shards: number }) => Promise<StagingStore>;

export interface ContractContext extends TestFunctions {
  /** Runs a body on a fresh store with shard 0 adopted, and closes the store. */
  readonly onBench: (body: (bench: Bench) => Promise<void>, limits?: Partial<StagingLimits>) => () => Promise<void>;
}

export const AT_ONCE: StageRules = { debounceMs: 0, maxDelayMs: 0, maxPending: 1_000, maxRecordBytes: 10_000 };
export const LATER: StageRules = { ...AT_ONCE, debounceMs: 600_000, maxDelayMs: 900_000 };

/** A store, and the short words in which the suite speaks of one shard of it. */
export class Bench {
  static readonly shards = 4;
  readonly store: StagingStore;
  rules: StageRules = AT_ONCE;
  last = 'T0';
  #calls = 0;
  #tokens = 0;

  constructor(store: StagingStore) {
    this.store = store;
  }

  /** The n-th row of a table whose key falls into the shard. */
  row(number: number, table = 'product', shard = 0): RowKey {
    let found = 0;
    for (let key = 0; ; key += 1) {
      const rowKey = rowKeyOf({ schema: 'public', table, key: [String(key)] });
      if (shardOf(rowKey, Bench.shards) !== shard) continue;
      if (found === number) return rowKey;
      found += 1;
    }
  }

  call(...changes: readonly Partial<Change>[]): StageCall {
    this.#calls += 1;
    const whole = changes.map((change) => this.change(change));
    return { shard: 0, id: `call-${this.#calls}`, changes: whole, rules: { Product: this.rules } };
  }

  change(change: Partial<Change>): Change {
    return { kind: 'update', entity: 'Product', rowKey: this.row(0), values: {}, deltas: {}, originals: {}, ...change };
  }

  async stage(...changes: readonly Partial<Change>[]): Promise<StageAnswer> {
    return stageOne(this.store, this.call(...changes));
  }

  /** Holds changes in a transaction, above those of its holds that stand. */
  async hold(transaction: string, standing: readonly string[], ...changes: readonly Partial<Change>[]): Promise<Held> {
    const call = { ...this.call(...changes), transaction, standing };
    return { id: call.id, answer: usable(await this.store.held.hold(call)) };
  }

  async stageHeld(...ids: readonly string[]): Promise<readonly RowKey[]> {
    return this.store.held.stage(0, new Map(ids.map((id) => [id, []])));
  }

  async peek(rowKey: RowKey = this.row(0)): Promise<Pending> {
    return (await this.store.peek([rowKey])).get(rowKey) ?? {};
  }

  async dirty(rowKey: RowKey = this.row(0)): Promise<StagedRecord | undefined> {
    return (await this.peek(rowKey)).dirty;
  }

  /** Claims the due records as the next batch. */
  async claim(limit = 100): Promise<Batch> {
    this.#tokens += 1;
    const claim = await this.store.claim(0, { token: `T${this.#tokens}`, predecessor: this.last, limit });
    if (claim.status !== 'batch') throw new Error(`Expected a batch, not ${claim.status}`);
    return claim.batch;
  }

  /** Ends a batch: row number -> outcome, the others applied. */
  async end(batch: Batch, outcomes: Readonly<Record<number, Outcome>> = {}): Promise<void> {
    const byRow: BatchOutcome = new Map(
      Object.entries(outcomes).map(([number, outcome]) => [this.row(Number(number)), outcome]),
    );
    const rows = [...batch.records.keys(), ...batch.unreadable.keys()];
    if (!(await this.store.acknowledge(0, batch.token, byRow, rows, batch.records)))
      throw new Error(`Batch ${batch.token} is not in flight`);
    this.last = batch.token;
  }

  async flush(outcomes: Readonly<Record<number, Outcome>> = {}): Promise<Batch> {
    const batch = await this.claim();
    await this.end(batch, outcomes);
    return batch;
  }
}

export interface Held {
  readonly id: string;
  readonly answer: StageAnswer;
}

/** Outcomes with all their parts, for tests that do not look at each part. */
export const rejected: Extract<Outcome, { readonly kind: 'buried' }> = {
  kind: 'buried',
  code: '23514',
  reason: 'check',
  rejected: true,
  counted: false,
};
export const conflicted: Outcome = {
  kind: 'buried',
  code: 'CONFLICT',
  reason: 'newer',
  version: '9',
  rejected: false,
  counted: false,
};
export const again: Outcome = { kind: 'again', attempts: 1, delayMs: 0, reason: 'parent' };
