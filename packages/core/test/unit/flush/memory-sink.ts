import type { BatchOutcome, Outcome } from '../../../src/change/outcome.js';
import type { StagedRecord } from '../../../src/change/record.js';
import type { RowKey } from '../../../src/change/row-key.js';
import { ORIGIN } from '../../../src/change/token.js';
import type {
  ChangeSink,
  HoldEnding,
  ParentsPending,
  SinkTransaction,
  PreparedSink,
} from '../../../src/sink/change-sink.js';
import { CommitUnknown, SinkDown } from '../../../src/sink/sink-failure.js';
import { NONE_PAUSED } from '../../../src/sink/paused-entities.js';
import type { Table } from '../../../src/sink/table.js';
import type { Batch } from '../../../src/staging/flush-side.js';

const EMPTY: ChangeSink['registry'] = {
  add: async () => {},
  list: async () => new Map(),
  remove: async () => {},
};

const NO_TABLES: ChangeSink['copies']['kept'] = {
  add: async () => {},
  list: async () => [],
  remove: async () => {},
};

/**
 * A database of counters, small enough to see through: shard rows with locks, a ledger, and for each row the sum of the
 * differences applied to it, so that applying twice is as visible as losing.
 */
export class MemorySink implements ChangeSink {
  readonly hasOneConnection = false;
  readonly last = new Map<number, string>();
  readonly ledger = new Map<string, BatchOutcome>();
  readonly sums = new Map<RowKey, number>();
  readonly open = new Set<MemoryTransaction>();
  /** How many transactions have been opened, and how many of them have committed. */
  begun = 0;
  commits = 0;
  /** Thrown by `begin` while set. */
  down: Error | undefined;
  /** Thrown by the next `write`. */
  writeFault: Error | undefined;
  /** The next commit happens, and its answer is lost. */
  loseCommitAnswer = false;
  /** What becomes of a record; `undefined` for applied. */
  decide: (record: StagedRecord, rowKey: RowKey) => Outcome | undefined = () => undefined;

  constructor(shards: number) {
    for (let shard = 0; shard < shards; shard++) {
      this.last.set(shard, ORIGIN);
    }
  }

  readonly registry: ChangeSink['registry'] = EMPTY;
  readonly pausedEntities: ChangeSink['pausedEntities'] = {
    add: async () => {},
    remove: async () => {},
    list: async () => NONE_PAUSED,
  };
  readonly copies: ChangeSink['copies'] = { kept: NO_TABLES, disbelieved: NO_TABLES };

  readonly paused = [];
  readonly waitsForConnectionMs = 0;

  async compare(): Promise<undefined> {
    return undefined;
  }

  parentsOf(): readonly RowKey[] {
    return [];
  }

  async check(): Promise<void> {}

  async inspect(): Promise<void> {}

  know(): void {}

  async isPrepared(): Promise<boolean> {
    return true;
  }

  async prepare(): Promise<PreparedSink> {
    return { identity: 'memory', shards: 1 };
  }

  async begin(shards: readonly number[]): Promise<SinkTransaction> {
    await Promise.resolve();
    this.begun++;
    if (this.down !== undefined) {
      throw this.down;
    }
    const taken = new Set([...this.open].flatMap((transaction) => [...transaction.locked.keys()]));
    return new MemoryTransaction(
      this,
      shards.filter((shard) => !taken.has(shard)),
    );
  }

  compose(): void {}

  beginExclusive(shards: readonly number[]): Promise<SinkTransaction> {
    return this.begin(shards);
  }

  join(): never {
    throw new Error('This sink has no application beside it');
  }

  async outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>> {
    return new Map([...this.ledger].filter(([token]) => tokens.includes(token)));
  }

  async lastTokens(shards: readonly number[]): Promise<ReadonlyMap<number, string>> {
    return new Map([...this.last].filter(([shard]) => shards.includes(shard)));
  }

  async endings(): Promise<ReadonlyMap<string, HoldEnding>> {
    return new Map();
  }

  async schemasOf(): Promise<ReadonlyMap<Table, string>> {
    return new Map();
  }

  async numbers(): Promise<never> {
    throw new Error('This sink has no sequences');
  }

  async prune(): Promise<number> {
    const size = this.ledger.size;
    this.ledger.clear();
    return size;
  }

  async close(): Promise<void> {}

  cutOff(): void {}
}

class MemoryTransaction implements SinkTransaction {
  readonly locked: ReadonlyMap<number, string>;
  readonly #sink: MemorySink;
  #written: readonly Batch[] = [];
  #outcomes = new Map<string, BatchOutcome>();

  constructor(sink: MemorySink, shards: readonly number[]) {
    this.#sink = sink;
    this.locked = new Map(shards.map((shard) => [shard, sink.last.get(shard) ?? ORIGIN]));
    sink.open.add(this);
  }

  async assertMap(): Promise<void> {}

  async outcomeOf(token: string): Promise<BatchOutcome | undefined> {
    await this.alive();
    return this.#sink.ledger.get(token);
  }

  async alive(): Promise<void> {
    await Promise.resolve();
    if (!this.#sink.open.has(this)) {
      throw new SinkDown('The connection is gone', 'unreachable');
    }
  }

  async write(batches: readonly Batch[], _parentsPending: ParentsPending): Promise<ReadonlyMap<string, BatchOutcome>> {
    await this.alive();
    const fault = this.#sink.writeFault;
    this.#sink.writeFault = undefined;
    if (fault !== undefined) {
      throw fault;
    }
    this.#written = batches;
    for (const batch of batches) {
      const outcomes = new Map<RowKey, Outcome>();
      for (const [rowKey, record] of batch.records) {
        const outcome = this.#sink.decide(record, rowKey);
        if (outcome !== undefined) {
          outcomes.set(rowKey, outcome);
        }
      }
      this.#outcomes.set(batch.token, outcomes);
    }
    return this.#outcomes;
  }

  async commit(): Promise<void> {
    await this.alive();
    this.#sink.commits++;
    for (const batch of this.#written) {
      const outcomes = this.#outcomes.get(batch.token) ?? new Map<RowKey, Outcome>();
      this.#sink.ledger.set(batch.token, outcomes);
      this.#sink.last.set(batch.shard, batch.token);
      for (const [rowKey, record] of batch.records) {
        if (!outcomes.has(rowKey)) {
          this.#sink.sums.set(rowKey, (this.#sink.sums.get(rowKey) ?? 0) + Number(record.deltas['stock'] ?? 0));
        }
      }
    }
    this.#sink.open.delete(this);
    if (this.#sink.loseCommitAnswer) {
      this.#sink.loseCommitAnswer = false;
      throw new CommitUnknown('Connection terminated unexpectedly', 'unreachable');
    }
  }

  /** The connection dies; the server notices and frees the shards, the worker does not. */
  kill(): void {
    this.#sink.open.delete(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sink.open.delete(this);
  }
}

/** Ends a transaction as a lost connection would. */
export function killConnections(sink: MemorySink): void {
  for (const transaction of sink.open) {
    transaction.kill();
  }
}
