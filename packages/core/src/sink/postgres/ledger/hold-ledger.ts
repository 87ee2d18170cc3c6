import type { RowKey } from '../../../change/row-key.js';
import type { HeldIn, HoldEnding } from '../../change-sink.js';
import { isServerError } from '../fault.js';
import { STANDING, type Standing } from '../place.js';
import type { Cell, Session } from '../session.js';
import { decodeOutcomes, encodeOutcomes } from './outcome-codec.js';
import type { LedgerTables } from './tables.js';

/** Where a ledger row of a batch has its shard: a hold is of several. */
const HOLD_SHARD = -1;

const INVALID_PARAMETER_VALUE = '22023';

/**
 * What PostgreSQL calls the transaction, for ever, and after that how it stands. The name is never given to another one.
 * Taking it makes the transaction one that writes.
 */
export async function nameOfTransaction(session: Session): Promise<readonly Cell[]> {
  const [row] = await session.rows(`select pg_current_xact_id()::text as name, ${STANDING}`, []);
  return row ?? [];
}

/**
 * Enters a hold into the ledger, in the transaction that holds: it is committed if, and only if, the transaction is, and
 * is undone with the savepoint after which it was entered.
 * @returns whether it was: not if the transaction does not stand so any more
 */
export async function enterHold(
  session: Session,
  tables: LedgerTables,
  namespace: string,
  id: string,
  standing: Standing | undefined,
): Promise<boolean> {
  // Dated by the clock, not by the beginning of the transaction, which may be as old as what is pruned.
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

/** Notes which rows of a hold the transaction has written itself, so that they are not written again when it is released. */
export async function amendHold(
  session: Session,
  tables: LedgerTables,
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
 * How holds have ended. First it is asked whether the transaction still runs, and then, in another statement, what it has committed: a transaction that no longer runs has a ledger row by then, or
 * never will. The other way round, one that commits in between would be taken for one that did not.
 */
export async function endingsOf(
  session: Session,
  tables: LedgerTables,
  namespace: string,
  holds: readonly HeldIn[],
  isAlone: boolean,
): Promise<ReadonlyMap<string, HoldEnding>> {
  const running = isAlone
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

/** Where all have one connection between them nobody else's transaction runs while it is asked. */
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
    // Without a status it is so long ago that PostgreSQL has forgotten it.
    return new Set(rows.flatMap(([name, status]) => (status === 'in progress' ? (name ?? []) : [])));
  } catch (error) {
    if (!isServerError(error) || error.code !== INVALID_PARAMETER_VALUE) throw error;
    // One of them lies in the future: this database has been restored, or taken over, at a time before it began. It is no transaction of this database.
    if (transactions.length === 1) return new Set();
    const running = new Set<string>();
    for (const name of transactions) for (const found of await runningOf(session, [name])) running.add(found);
    return running;
  }
}
