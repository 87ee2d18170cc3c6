import type { BatchOutcome, Outcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey, TableName } from '../change/row-key.js';
import { rebased } from '../change/settle-record.js';
import { tokenAfter } from '../change/token.js';
import type { JoinedPart, RefusedRow } from '../sink/change-sink.js';
import type { AddedRecord, Batch, Extension } from '../staging/flush-side.js';
import { askStaging } from './ask-staging.js';
import { compareChain } from './chain.js';
import type { PromoteStep } from './flush-shards.js';
import { pendingParents } from './pending-parents.js';
import type { OwnedBatch, OwnedBatches, PromoteDeps } from './owned-batches.js';
import { rowsOf } from './rows-of.js';

/** An attempt that is undone. Without rows: another transaction had locked a shard or a row. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
  /** Rows that PostgreSQL refuses as they are; trying again here does not help. */
  readonly refused: readonly RowKey[];
  /** Rows that have to be written first. */
  readonly parents: readonly RowKey[];
  /** Tables in which another row may be the cause of a refusal. */
  readonly behind: readonly TableName[];
  /** Another transaction has the shard. */
  readonly isBusy: boolean;

  constructor(
    why: string,
    {
      refused = [],
      parents = [],
      behind = [],
      isBusy = false,
    }: Partial<Pick<NotNow, 'refused' | 'parents' | 'behind' | 'isBusy'>> = {},
  ) {
    super(why);
    this.isBusy = isBusy;
    this.refused = refused;
    this.parents = parents;
    this.behind = behind;
  }
}

const NOTHING: BatchOutcome = new Map();

/**
 * One attempt to write rows of one shard in a transaction of the application, under a savepoint. A transaction owns at
 * most one batch per shard. The first attempt takes the batch in flight, or claims the rows as a new batch. Later
 * attempts add to that batch, and write only the added records.
 */
export class PromotionOfShard {
  readonly #shard: number;
  readonly #keys: readonly RowKey[];
  readonly #part: JoinedPart;
  readonly #owned: OwnedBatches;
  readonly #deps: PromoteDeps;
  readonly #waitMs: number;
  readonly #parents = new Set<RowKey>();
  readonly #behind: TableName[] = [];

  /** @param waitMs how long it waits for the shard */
  constructor(
    shard: number,
    keys: readonly RowKey[],
    part: JoinedPart,
    owned: OwnedBatches,
    deps: PromoteDeps,
    waitMs: number,
  ) {
    this.#waitMs = waitMs;
    this.#shard = shard;
    this.#keys = keys;
    this.#part = part;
    this.#owned = owned;
    this.#deps = deps;
  }

  /** @throws NotNow; the transaction then rolls back to its savepoint */
  async run(): Promise<void> {
    const own = this.#owned.of(this.#shard);
    // The application may have rolled back to a savepoint that only PostgreSQL knows.
    const entered = own && (await this.#part.outcomeOf(own.token));
    if (own && entered) return this.#extend({ token: own.token, outcomes: entered });
    const last = await this.#part.lock(this.#shard, this.#waitMs);
    if (last === undefined) throw new NotNow('Somebody else flushes the shard', { isBusy: true });
    await this.#step('locked');
    await this.#take(last);
  }

  async #take(last: string): Promise<void> {
    const minted = tokenAfter(last);
    const batch = await this.#claim(minted, last);
    if (batch === undefined) return;
    if (batch.token === minted) return this.#write(batch);
    const entered = await this.#entered(batch, last);
    if (entered === 'committed') return this.#take(last);
    if (entered) return this.#extend({ token: batch.token, outcomes: entered });
    if (compareChain(batch.predecessor, last) !== 'whole') throw new NotNow('The chain of the shard is broken');
    await this.#add(batch, NOTHING, this.#keys);
    const whole = await this.#claim(minted, last);
    if (whole?.token !== batch.token) throw new NotNow('Somebody else has ended the batch');
    await this.#write(whole);
  }

  /**
   * A batch in flight that has a ledger row is not written again. A ledger row that this transaction has never entered
   * is committed, because the transaction can see it. The transaction also sees a row that it has entered itself. Only
   * another connection can tell whether that row is committed, and the batch must not be acknowledged before. The
   * transaction does not see a row that it has rolled back to a savepoint.
   */
  async #entered(batch: Batch, last: string): Promise<BatchOutcome | 'committed' | undefined> {
    const { token } = batch;
    const seen = (await this.#part.outcomeOf(token)) ?? (token === last ? NOTHING : undefined);
    if (seen === undefined) return undefined;
    const isOwn = this.#owned.hasOwned(token);
    const committed = isOwn ? (await this.#deps.sink.outcomes([token])).get(token) : seen;
    if (committed === undefined) return seen;
    await this.#deps.staging.acknowledge(this.#shard, token, committed, rowsOf(batch), batch.records);
    return 'committed';
  }

  async #write(batch: Batch): Promise<void> {
    await this.#step('taken');
    const outcomes = await this.#apply(batch);
    this.#judge(this.#keys, batch.records, outcomes);
    await this.#part.enter(batch, outcomes);
    await this.#step('entered');
    this.#owned.own(this.#shard, { token: batch.token, outcomes, rows: rowsOf(batch) });
  }

  async #extend({ token, outcomes }: Omit<OwnedBatch, 'rows'>): Promise<void> {
    const batch = await this.#claim(tokenAfter(token), token);
    if (batch?.token !== token) throw new NotNow('The batch of this transaction is no longer in flight');
    // Only rows that ended as written can be added to, because the ledger row has one outcome for all parts.
    const rows = this.#keys.filter((key) => isWritten(outcomes.get(key)));
    const { part, added } = await this.#add(batch, outcomes, rows);
    if (added.size === 0) throw new NotNow('Nothing can be added to the rows', { refused: this.#keys });
    const records = new Map([...added].map(([key, record]) => [key, ontoWritten(record, outcomes.get(key))]));
    const { added: _, ...claimed } = batch;
    const ends = await this.#apply({ ...claimed, records, unreadable: new Map() });
    this.#judge(this.#keys, records, ends);
    const whole = new Map(outcomes);
    for (const [key, record] of added)
      whole.set(key, { ...this.#endOfBoth(key, record, records.get(key), outcomes.get(key), ends.get(key)), part });
    await this.#part.amend(token, whole);
    await this.#step('entered');
    this.#owned.own(this.#shard, { token, outcomes: whole, rows: [...new Set([...rowsOf(batch), ...added.keys()])] });
  }

  /** The one outcome of the earlier part of a row and the added one. */
  #endOfBoth(
    key: RowKey,
    { before, record }: AddedRecord,
    written: StagedRecord | undefined,
    first: Outcome | undefined,
    second: Outcome = { kind: 'applied' },
  ): Outcome {
    if (before === undefined || second.kind === 'version') return second;
    if (second.kind !== 'applied') throw new NotNow('What was added to a row was not written', { refused: [key] });
    const version = written?.version ?? (first?.kind === 'version' ? first.version : undefined);
    return version === undefined || version === record.version ? second : { kind: 'version', version };
  }

  async #add(batch: Batch, outcomes: BatchOutcome, rows: readonly RowKey[]): Promise<Extension> {
    const { token, attempts } = batch;
    const extension = await this.#ask(
      this.#deps.staging.extend(this.#shard, { token, attempts, outcomes, rows }),
      'What is to be added to a batch',
    );
    if (extension === undefined) throw new NotNow('Somebody else was handed the batch');
    await this.#step('extended');
    return extension;
  }

  /** `undefined`: none of the rows is pending any more. */
  async #claim(token: string, predecessor: string): Promise<Batch | undefined> {
    const rows = this.#keys;
    const claim = await this.#ask(
      this.#deps.staging.claim(this.#shard, { token, predecessor, limit: rows.length, rows }),
      `A claim of rows of shard ${this.#shard}`,
    );
    if (claim.status === 'batch') return claim.batch;
    if (claim.status === 'nothing') return undefined;
    throw new NotNow(`The shard is ${claim.status}`);
  }

  async #apply(batch: Batch): Promise<BatchOutcome> {
    const { looks, claimTimeoutMs, scheduler } = this.#deps;
    const parentsPending = async (keys: readonly RowKey[]): Promise<ReadonlySet<RowKey>> => {
      const parents = await pendingParents(keys, looks, claimTimeoutMs, scheduler);
      for (const parent of parents) this.#parents.add(parent);
      return parents;
    };
    // No wanted row waits for others here: this transaction writes the rows in its way next. Rows that are only in the
    // same batch are not blamed, because only a flush checks what they wait for.
    const othersPending = async (rows: readonly RefusedRow[]): Promise<ReadonlySet<RowKey>> => {
      for (const { behind } of rows) for (const table of behind) this.#behind.push(table);
      return new Set(rows.map(({ rowKey }) => rowKey).filter((key) => !this.#keys.includes(key)));
    };
    const outcomes = await this.#part.apply(batch, parentsPending, othersPending);
    await this.#step('applied');
    return outcomes;
  }

  /**
   * Every wanted row has to be settled, because the transaction takes on the whole attempt for them. A row that
   * PostgreSQL refuses is not buried here: the row in its way may be pending elsewhere.
   */
  #judge(keys: readonly RowKey[], records: ReadonlyMap<RowKey, StagedRecord>, outcomes: BatchOutcome): void {
    const put = keys.filter((key) => records.has(key) && !isSettled(outcomes.get(key)));
    if (put.length === 0) return;
    const refused = put.filter((key) => {
      const outcome = outcomes.get(key);
      return (
        outcome?.kind === 'buried' ||
        (outcome?.kind === 'again' && outcome.attempts > (records.get(key)?.attempts ?? 0))
      );
    });
    // Parents that are wanted rows themselves add nothing new.
    const parents = [...this.#parents].filter((parent) => !keys.includes(parent));
    throw new NotNow('Rows cannot be written yet', { refused, parents, behind: this.#behind });
  }

  #ask<T>(answer: Promise<T>, what: string): Promise<T> {
    return askStaging(answer, this.#deps.claimTimeoutMs, what, this.#deps.scheduler);
  }

  async #step(step: PromoteStep): Promise<void> {
    await this.#deps.steps?.(step, [this.#shard]);
  }
}

function isSettled(outcome: Outcome | undefined): boolean {
  return outcome?.kind !== 'again' && !(outcome?.kind === 'buried' && outcome.rejected);
}

function isWritten(outcome: Outcome | undefined): boolean {
  return outcome === undefined || outcome.kind === 'applied' || outcome.kind === 'version';
}

/** An added record was staged on the version that the row was to have; the row may have got another one. */
function ontoWritten({ before, record }: AddedRecord, outcome: Outcome | undefined): StagedRecord {
  return before && outcome?.kind === 'version' ? rebased(record, before, outcome.version) : record;
}
