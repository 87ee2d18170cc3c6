import type pg from 'pg';
import type { BatchOutcome, Outcome } from '../../change/outcome.js';
import type { RowKey } from '../../change/row-key.js';
import type { Batch } from '../../staging/staging-store.js';
import type { ParentsPending, SinkTransaction } from '../change-sink.js';
import { SinkRestart } from '../sink-failure.js';
import { applyGroups, SAVEPOINT } from './apply/apply-groups.js';
import { failed, overruled } from './apply/outcomes.js';
import type { TableFault } from './apply/table-fault.js';
import { commitFailureOf, failureOf } from './fault.js';
import { readOutcome } from './ledger/read-ledger.js';
import type { LedgerTables } from './ledger/tables.js';
import { writeLedger } from './ledger/write-ledger.js';
import { plan, type Plan } from './plan/plan.js';
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
  #state: 'open' | 'committed' | 'disposed' = 'open';

  constructor(client: pg.PoolClient, held: ReadonlyMap<number, string>, around: TransactionSurroundings) {
    this.#client = client;
    this.#session = new Session(client);
    this.held = held;
    this.#around = around;
  }

  async outcomeOf(token: string): Promise<BatchOutcome | undefined> {
    try {
      const outcome = await readOutcome(this.#session, this.#around.ledger, this.#around.namespace, token);
      if (outcome !== undefined) return outcome;
    } catch (error) {
      throw failureOf(error);
    }
    // Somebody has emptied the ledger, but the shard's row still says that this was written.
    return [...this.held.values()].includes(token) ? new Map() : undefined;
  }

  async alive(): Promise<void> {
    try {
      await this.#session.script('select 1');
    } catch (error) {
      throw failureOf(error);
    }
  }

  async write(batches: readonly Batch[], parentsPending: ParentsPending): Promise<ReadonlyMap<string, BatchOutcome>> {
    const { ledger, namespace, tables, wallTime } = this.#around;
    for (const { shard } of batches) {
      if (!this.held.has(shard))
        throw new RangeError(`This transaction does not hold shard ${shard}, so it must not write a batch of it.`);
    }
    const planned = plan(batches, tables);
    try {
      if (this.#savepointUsed) await this.#session.script(`savepoint ${SAVEPOINT}`);
      this.#savepointUsed = true;
      const { outcomes, tableFaults } = await applyGroups(planned.groups, {
        session: this.#session,
        wallTime,
        parentsPending,
      });
      const byToken = new Map(batches.map(({ token }) => [token, new Map<RowKey, Outcome>()]));
      for (const [{ token, rowKey }, outcome] of outcomes) byToken.get(token)?.set(rowKey, outcome);
      unplanned(planned, byToken);
      await writeLedger(
        this.#session,
        ledger,
        namespace,
        batches.map(({ shard, token }) => ({ shard, token, outcomes: byToken.get(token) ?? new Map() })),
      );
      for (const fault of [...tableFaults, ...unknownTables(planned)]) this.#around.onTableFault(fault);
      return byToken;
    } catch (error) {
      throw failureOf(error);
    }
  }

  async commit(): Promise<void> {
    let tag: string | undefined;
    try {
      tag = (await this.#session.script('commit'))[0]?.command;
    } catch (error) {
      throw commitFailureOf(error);
    }
    // PostgreSQL answers COMMIT of a failed transaction with the tag ROLLBACK, and no error.
    if (tag !== 'COMMIT')
      throw new SinkRestart(`The transaction was rolled back: PostgreSQL answered ${tag ?? 'nothing'} to COMMIT.`);
    this.#state = 'committed';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const state = this.#state;
    if (state === 'disposed') return;
    this.#state = 'disposed';
    try {
      if (state === 'open') await this.#session.script('rollback');
      this.#client.release();
    } catch (error) {
      // A connection that cannot even roll back is closed; that ends its transaction too.
      this.#client.release(error instanceof Error ? error : true);
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
