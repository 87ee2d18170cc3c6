import type pg from 'pg';
import type { BatchOutcome, Outcome } from '../../change/outcome.js';
import type { RowKey } from '../../change/row-key.js';
import type { Batch } from '../../staging/staging-store.js';
import type { ParentsPending, SinkTransaction } from '../change-sink.js';
import { SinkDown, SinkRestart } from '../sink-failure.js';
import { applyGroups, SAVEPOINT } from './apply/apply-groups.js';
import type { Applied } from './apply/context.js';
import { failed, overruled } from './apply/outcomes.js';
import type { TableFault } from './apply/table-fault.js';
import { commitFailureOf, failureOf } from './fault.js';
import { ledgerFailureOf } from './ledger/ledger-failure.js';
import { readOutcome } from './ledger/read-ledger.js';
import type { LedgerTables } from './ledger/tables.js';
import { writeLedger } from './ledger/write-ledger.js';
import { plan, type Group, type Plan } from './plan/plan.js';
import type { TableMap } from './plan/table-map.js';
import { Session } from './session.js';
import type { WallTime } from './sql/version-format.js';

/** What a transaction shares with its sink. */
export interface TransactionSurroundings {
  readonly ledger: LedgerTables;
  readonly namespace: string;
  readonly tables: TableMap;
  readonly wallTime: WallTime;
  readonly onTableFault: (fault: TableFault) => void;
}

/** How long records wait for a process that knows their table. */
const STRANGER_DELAY_MS = 1_000;

/** An open transaction on a connection of the pool. It ends once: by `commit`, or by being disposed of. */
export class PostgresTransaction implements SinkTransaction {
  readonly held: ReadonlyMap<number, string>;
  readonly #client: pg.PoolClient;
  readonly #session: Session;
  readonly #around: TransactionSurroundings;
  #savepointUsed = false;
  #state: 'open' | 'broken' | 'committed' | 'disposed' = 'open';

  constructor(client: pg.PoolClient, held: ReadonlyMap<number, string>, around: TransactionSurroundings) {
    this.#client = client;
    this.#session = new Session(client);
    this.held = held;
    this.#around = around;
  }

  async outcomeOf(token: string): Promise<BatchOutcome | undefined> {
    const { ledger, namespace } = this.#around;
    const outcome = await this.#attempt(() => readOutcome(this.#session, ledger, namespace, token), ledgerFailureOf);
    if (outcome !== undefined) return outcome;
    // Somebody has emptied the ledger, but the shard's row still says that this was written.
    return [...this.held.values()].includes(token) ? new Map() : undefined;
  }

  async alive(): Promise<void> {
    await this.#attempt(() => this.#session.script('select 1'));
  }

  async write(batches: readonly Batch[], parentsPending: ParentsPending): Promise<ReadonlyMap<string, BatchOutcome>> {
    for (const { shard } of batches) {
      if (!this.held.has(shard)) {
        throw new RangeError(`This transaction does not hold shard ${shard}, so it must not write a batch of it.`);
      }
    }
    const planned = plan(batches, this.#around.tables);
    const { outcomes, tableFaults } = await this.#attempt(() => this.#apply(planned.groups, parentsPending));
    const byToken = new Map(batches.map(({ token }) => [token, new Map<RowKey, Outcome>()]));
    for (const [{ token, rowKey }, outcome] of outcomes) byToken.get(token)?.set(rowKey, outcome);
    unplanned(planned, byToken);
    const entries = batches.map(({ shard, token }) => ({ shard, token, outcomes: byToken.get(token) ?? new Map() }));
    const { ledger, namespace } = this.#around;
    await this.#attempt(() => writeLedger(this.#session, ledger, namespace, entries), ledgerFailureOf);
    for (const fault of [...tableFaults, ...unknownTables(planned)]) this.#around.onTableFault(fault);
    return byToken;
  }

  async commit(): Promise<void> {
    const [result] = await this.#attempt(() => this.#session.script('commit'), commitFailureOf);
    // PostgreSQL answers COMMIT of a failed transaction with the tag ROLLBACK, and no error.
    if (result?.command !== 'COMMIT') {
      throw new SinkRestart(
        `The transaction was rolled back: PostgreSQL answered ${result?.command ?? 'nothing'} to COMMIT.`,
      );
    }
    this.#state = 'committed';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const state = this.#state;
    if (state === 'disposed') return;
    this.#state = 'disposed';
    try {
      if (state === 'open') await this.#session.script('rollback');
      // Nothing is asked of a connection that has failed: it is closed, and that ends its transaction too.
      this.#client.release(state === 'broken');
    } catch (error) {
      this.#client.release(error instanceof Error ? error : true);
    }
  }

  async #apply(groups: readonly Group[], parentsPending: ParentsPending): Promise<Applied> {
    if (this.#savepointUsed) await this.#session.script(`savepoint ${SAVEPOINT}`);
    this.#savepointUsed = true;
    return applyGroups(groups, { session: this.#session, wallTime: this.#around.wallTime, parentsPending });
  }

  /** Names what went wrong, and remembers that the connection is of no more use if PostgreSQL did not answer. */
  async #attempt<T>(act: () => Promise<T>, nameOf: (error: unknown) => Error = failureOf): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const failure = nameOf(error);
      if (failure instanceof SinkDown) this.#state = 'broken';
      throw failure;
    }
  }
}

/** The outcomes of records that no statement was made for. */
function unplanned({ unreadable, misfits, strangers }: Plan, byToken: ReadonlyMap<string, Map<RowKey, Outcome>>): void {
  for (const { token, rowKey, reason } of unreadable) byToken.get(token)?.set(rowKey, overruled('UNREADABLE', reason));
  for (const { item, reason } of misfits) byToken.get(item.token)?.set(item.rowKey, failed(item, 'UNREADABLE', reason));
  for (const { token, rowKey, attempts, address } of strangers) {
    const reason = `No entity of this process is the table "${address.schema}"."${address.table}".`;
    byToken.get(token)?.set(rowKey, { kind: 'again', attempts, delayMs: STRANGER_DELAY_MS, reason });
  }
}

function unknownTables({ strangers }: Plan): TableFault[] {
  const faults = new Map<string, TableFault>();
  for (const { address } of strangers) {
    const { schema, table } = address;
    const name = JSON.stringify([schema, table]);
    const reason =
      'Records wait for a process that has an entity of this table: a newer release, or one that was renamed or removed.';
    faults.set(name, { schema, table, code: 'UNKNOWN_TABLE', reason, records: (faults.get(name)?.records ?? 0) + 1 });
  }
  return [...faults.values()];
}
