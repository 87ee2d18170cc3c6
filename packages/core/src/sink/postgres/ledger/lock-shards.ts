import pg from 'pg';
import type { BatchOutcome } from '../../../change/outcome.js';
import { lockWaits } from '../apply/lock-waits.js';
import type { Paused } from '../../paused-entities.js';
import type { OwnTransaction } from '../connections.js';
import { pausedIn, pausedText } from '../registry/postgres-paused.js';
import { decodeOutcomes } from './outcome-codec.js';
import type { OwnTables } from './tables.js';

/** The time-outs of a flush's transaction, in milliseconds. */
export interface TransactionLimits {
  /**
   * How long a row is waited for, in the parts of `lockWaits`. Below PostgreSQL's `deadlock_timeout` (1 s), so that
   * always the flush gives way.
   */
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** After this, a worker that hangs loses its shards. */
  readonly idleTimeoutMs: number;
}

export interface LockedShards {
  /** Shard -> last token. */
  readonly locked: ReadonlyMap<number, string>;
  /** Shards that are not in the table at all. */
  readonly missing: readonly number[];
  /** The outcomes in the ledger of those claimed batches that were committed. Read once the shards are locked. */
  readonly outcomes: ReadonlyMap<string, BatchOutcome>;
  /** What an operator has paused. Read once the shards are locked. */
  readonly paused: Paused;
}

/**
 * Locks shards in a transaction that begins, in one round trip. `skip`: only shards that no other transaction has
 * locked; `wait`: all, up to the statement's time-out. Conflicts are found by reading rows that others have just
 * committed, which only read committed shows. Deferred constraints are checked at once: at COMMIT the guilty row would
 * be unknown. A failed first pass rolls back to the savepoint.
 * @param limits `undefined` where no other transaction can run meanwhile
 * @param claimed tokens of batches that were claimed before
 */
export async function lockShards(
  { session, opening }: Pick<OwnTransaction, 'session' | 'opening'>,
  tables: OwnTables,
  namespace: string,
  shards: readonly number[],
  wait: 'skip' | 'wait',
  limits: TransactionLimits | undefined,
  savepoint: string,
  claimed: readonly string[],
): Promise<LockedShards> {
  const mine = `namespace = ${pg.escapeLiteral(namespace)} and shard in (${shards.map(shardNumber).join(', ')})`;
  const results = await session.script(`${opening}
${limits ? timeOuts(limits, wait) : ''}set constraints all immediate;
select shard from ${tables.shard} where ${mine};
select shard, last_token from ${tables.shard} where ${mine} order by shard for update${wait === 'skip' ? ' skip locked' : ''};
${pausedText(tables, namespace)};
${claimed.length > 0 ? `${outcomesOf(claimed, tables, namespace)};\n` : ''}${
    limits ? `set local lock_timeout = ${lockWaits(limits.lockTimeoutMs)[0] ?? 0};\n` : ''
  }savepoint ${savepoint}`);
  const [existing, taken, paused, written] = results.filter(({ command }) => command === 'SELECT');
  const known = new Set(existing?.rows.map(([shard]) => Number(shard)));
  return {
    locked: new Map(taken?.rows.map(([shard, token]) => [Number(shard), token ?? ''])),
    missing: shards.filter((shard) => !known.has(shard)),
    paused: pausedIn(paused?.rows ?? []),
    outcomes: new Map(written?.rows.map(([token, outcome]) => [token ?? '', decodeOutcomes(outcome ?? '')])),
  };
}

function outcomesOf(claimed: readonly string[], { batch }: OwnTables, namespace: string): string {
  const tokens = claimed.map((token) => pg.escapeLiteral(token)).join(', ');
  return `select token, outcome::text from ${batch} where namespace = ${pg.escapeLiteral(namespace)} and token in (${tokens})`;
}

function timeOuts(
  { statementTimeoutMs, idleTimeoutMs, lockTimeoutMs }: TransactionLimits,
  wait: 'skip' | 'wait',
): string {
  return `set local statement_timeout = ${statementTimeoutMs};
set local idle_in_transaction_session_timeout = ${idleTimeoutMs};
set local lock_timeout = ${wait === 'wait' ? 0 : lockTimeoutMs};
`;
}

function shardNumber(shard: number): string {
  if (!Number.isSafeInteger(shard) || shard < 0) throw new RangeError(`Not a shard: ${shard}`);
  return String(shard);
}
