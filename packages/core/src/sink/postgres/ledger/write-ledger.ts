import pg from 'pg';
import type { BatchOutcome } from '../../../change/outcome.js';
import { SinkRestart } from '../../sink-failure.js';
import type { Session } from '../session.js';
import { encodeOutcomes } from './outcome-codec.js';
import type { OwnTables } from './tables.js';

export interface LedgerEntry {
  readonly shard: number;
  readonly token: string;
  readonly outcomes: BatchOutcome;
}

/** Enters batches into the ledger and moves their shards' last tokens on. */
export async function writeLedger(
  session: Session,
  tables: OwnTables,
  namespace: string,
  entries: readonly LedgerEntry[],
): Promise<void> {
  await session.rows(statement(tables, '$1', '$2', entries.length), [namespace, rowsOf(entries)]);
}

/**
 * True if an outcome has a message, which may quote values. Servers show and log the texts of statements to more people
 * than may read the rows, so a message leaves as a parameter.
 */
export function quotesValues(entries: readonly LedgerEntry[]): boolean {
  const outcomes = entries.flatMap((entry) => [...entry.outcomes.values()]);
  return outcomes.some((outcome) => outcome.kind === 'buried' && outcome.message !== undefined);
}

/** The same as a text without parameters, so that it can be sent together with COMMIT. */
export function ledgerText(tables: OwnTables, namespace: string, entries: readonly LedgerEntry[]): string {
  const [name, rows] = [pg.escapeLiteral(namespace), pg.escapeLiteral(rowsOf(entries))];
  return statement(tables, name, rows, entries.length);
}

/**
 * One statement. It fails by a division by zero unless it has moved all of the shards, because nobody looks at its
 * answer before COMMIT.
 */
function statement(tables: OwnTables, namespace: string, rows: string, shards: number): string {
  return `with s as (select * from json_to_recordset(${rows}::json) as s(shard int, token text, outcome jsonb)),
entered as (insert into ${tables.batch} (namespace, token, shard, outcome) select ${namespace}, s.token, s.shard, s.outcome from s),
moved as (update ${tables.shard} as t set last_token = s.token from s where t.namespace = ${namespace} and t.shard = s.shard returning t.shard)
select 1 / (count(*) = ${shards})::int from moved`;
}

function rowsOf(entries: readonly LedgerEntry[]): string {
  const rows = entries.map(
    ({ shard, token, outcomes }) =>
      `{"shard":${shard},"token":${JSON.stringify(token)},"outcome":${encodeOutcomes(outcomes)}}`,
  );
  return `[${rows.join(',')}]`;
}

/** Replaces the outcome of a batch that the same transaction has entered. */
export async function amendLedger(
  session: Session,
  tables: OwnTables,
  namespace: string,
  token: string,
  outcomes: BatchOutcome,
): Promise<void> {
  const amended = await session.rows(
    `update ${tables.batch} set outcome = $3::jsonb where namespace = $1 and token = $2 returning token`,
    [namespace, token, encodeOutcomes(outcomes)],
  );
  if (amended.length === 0) throw new SinkRestart(`Batch ${token} is no longer in ${tables.batch}.`);
}
