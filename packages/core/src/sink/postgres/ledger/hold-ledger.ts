import type { RowKey } from '../../../change/row-key.js';
import type { HeldIn, HoldEnding } from '../../change-sink.js';
import { isServerError } from '../fault.js';
import { STANDING, type Standing } from '../place.js';
import type { Cell, Session } from '../session.js';
import { decodeOutcomes, encodeOutcomes } from './outcome-codec.js';
import type { OwnTables } from './tables.js';

/** Takes the place of the shard in the ledger row of a hold, which may be of several shards. */
const HOLD_SHARD = -1;

const INVALID_PARAMETER_VALUE = '22023';

/**
 * PostgreSQL's name of the transaction, which no other transaction ever gets, followed by the transaction's standing.
 * Taking the name makes the transaction one that writes.
 */
export async function nameOfTransaction(session: Session): Promise<readonly Cell[]> {
  const [row] = await session.rows(`select pg_current_xact_id()::text as name, ${STANDING}`, []);
  return row ?? [];
}

/**
 * Enters a hold into the ledger, in the transaction that holds. The entry is committed if, and only if, the transaction
 * is, and undone with the savepoint after which it was made.
 * @returns `false`, without an entry, if the transaction's standing is no longer the sink's
 */
export async function enterHold(
  session: Session,
  tables: OwnTables,
  namespace: string,
  id: string,
  standing: Standing | undefined,
): Promise<boolean> {
  // Dated by the clock: the beginning of the transaction may be as old as rows that are pruned.
  const entered = await session.rows(
    `insert into ${tables.batch} (namespace, token, shard, outcome, written_at)
select $1, $2, ${HOLD_SHARD}, $3::jsonb, clock_timestamp() from (select ${STANDING}) as now
where $4::text is null or (now.role = $4 and (now.path = $5 or now.schemas = $6)) returning token`,
    [
      namespace,
      id,
      encodeOutcomes(new Map()),
      standing?.role ?? null,
      standing?.searchPath ?? null,
      standing?.schemas ?? null,
    ],
  );
  return entered.length > 0;
}

/** Notes the rows of a hold that the transaction has written itself, so that the release does not write them again. */
export async function amendHold(
  session: Session,
  tables: OwnTables,
  namespace: string,
  id: string,
  written: readonly RowKey[],
): Promise<void> {
  await session.rows(`update ${tables.batch} set outcome = $3::jsonb where namespace = $1 and token = $2`, [
    namespace,
    id,
    encodeOutcomes(new Map(written.map((rowKey) => [rowKey, { kind: 'applied' }]))),
  ]);
}

/**
 * How holds have ended. The first statement asks which transactions still run, the second reads their ledger rows: a
 * transaction that no longer runs has its row by then, or never will. In the other order, a transaction that commits in
 * between would count as rolled back.
 */
export async function endingsOf(
  session: Session,
  tables: OwnTables,
  namespace: string,
  holds: readonly HeldIn[],
  hasOneConnection: boolean,
): Promise<ReadonlyMap<string, HoldEnding>> {
  const running = hasOneConnection
    ? await runningAlone(session)
    : await runningOf(session, [...new Set(holds.map(({ transaction }) => transaction))]);
  const ended = holds.filter(({ transaction }) => !running.has(transaction)).map(({ id }) => id);
  const rows = await session.rows(
    `select token, outcome::text from ${tables.batch} where namespace = $1 and token = any($2::text[])`,
    [namespace, ended],
  );
  const written = new Map(rows.map(([token, outcome]) => [token ?? '', [...decodeOutcomes(outcome ?? '').keys()]]));
  return new Map(
    holds.map(({ id, transaction }): [string, HoldEnding] => {
      if (running.has(transaction)) return [id, { kind: 'running' }];
      const rowsWritten = written.get(id);
      return [id, rowsWritten ? { kind: 'committed', written: rowsWritten } : { kind: 'dropped' }];
    }),
  );
}

/** On a shared connection, only the transaction that asks can be running. */
async function runningAlone(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.rows('select pg_current_xact_id_if_assigned()::text as name', []);
  return new Set(rows.flatMap(([name]) => name ?? []));
}

async function runningOf(session: Session, transactions: readonly string[]): Promise<ReadonlySet<string>> {
  try {
    const rows = await session.rows(
      `select name, pg_xact_status(name::xid8) as status from unnest($1::text[]) as t(name)`,
      [[...transactions]],
    );
    // Without a status the transaction is so old that PostgreSQL has forgotten it.
    return new Set(rows.flatMap(([name, status]) => (status === 'in progress' ? (name ?? []) : [])));
  } catch (error) {
    if (!isServerError(error) || error.code !== INVALID_PARAMETER_VALUE) throw error;
    // One of the names lies in the future: this database was restored, or taken over, at a time before that transaction
    // began, so it is no transaction of this database.
    if (transactions.length === 1) return new Set();
    const running = new Set<string>();
    for (const name of transactions) for (const found of await runningOf(session, [name])) running.add(found);
    return running;
  }
}
