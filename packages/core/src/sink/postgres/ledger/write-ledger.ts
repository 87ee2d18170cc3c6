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

/** Enters batches into the ledger and moves their shards' last tokens on, in one statement. */
export async function writeLedger(
  session: Session,
  tables: OwnTables,
  namespace: string,
  entries: readonly LedgerEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(
    ({ shard, token, outcomes }) =>
      `{"shard":${shard},"token":${JSON.stringify(token)},"outcome":${encodeOutcomes(outcomes)}}`,
  );
  const moved = await session.rows(
    `with s as (select * from json_to_recordset($2::json) as s(shard int, token text, outcome jsonb)),
entered as (insert into ${tables.batch} (namespace, token, shard, outcome) select $1, s.token, s.shard, s.outcome from s)
update ${tables.shard} as t set last_token = s.token from s where t.namespace = $1 and t.shard = s.shard returning t.shard`,
    [namespace, `[${rows.join(',')}]`],
  );
  if (moved.length !== entries.length)
    throw new SinkRestart(
      `Of ${entries.length} shards only ${moved.length} are in ${tables.shard}; it has been emptied meanwhile.`,
    );
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
