import { setTimeout as pause } from 'node:timers/promises';
import { covers } from '../change/outcome.js';
import { type RowKey, shardOf, type TableName, tableText } from '../change/row-key.js';
import type { ChangeSink, JoinedTransaction } from '../sink/change-sink.js';
import type { LookSide, Pending } from '../staging/look-side.js';
import type { OwnedBatch, OwnedBatches, PromoteDeps } from './owned-batches.js';
import { NotNow, PromotionOfShard } from './promote-shard.js';
import { rowsOfTables } from './rows-of-tables.js';

/** The pause between two tries of rows that could not be written: about as long as a short transaction takes. */
const PAUSE_MS = 15;

/**
 * How long a second try of a shard waits for it. PostgreSQL hands it to those who wait, in their order: who only looks
 * now and then would hardly ever find it free between two flushes. A flush that waits for a row of this transaction
 * sees that somebody waits for it, and gives way. Shorter than PostgreSQL's `deadlock_timeout` (1 s).
 */
const WAIT_MS = 400;

/**
 * Writes pending records of some rows inside a transaction of the application. This second form of promoting is for
 * rows that no other transaction can write, because this one holds a lock that is in the way. The records stay in
 * flight, and no process acknowledges them, until a look from outside the transaction finds the batch in the ledger.
 *
 * No step waits for the lock of a row. A row, or a shard, that another transaction has locked is tried again until
 * `timeoutMs` have passed, and nothing more is locked between two tries. A shard is waited for when it is tried again.
 * Two transactions that promote each other's rows, or a worker and a transaction, therefore cannot stop each other for
 * longer than that.
 *
 * A row that PostgreSQL refuses may get the unique value of a row whose change is pending too. A refusal therefore
 * brings in all pending rows of the tables behind it, and a refused row is tried again after others are written.
 *
 * @returns the rows that still have pending changes
 */
export async function promoteInside(
  keys: readonly RowKey[],
  join: JoinedTransaction,
  owned: OwnedBatches,
  timeoutMs: number,
  deps: PromoteDeps,
): Promise<ReadonlySet<RowKey>> {
  const { looks, scheduler } = deps;
  const deadlineMs = scheduler.now() + timeoutMs;
  const wanted = new Set(keys);
  const refused = new Set<RowKey>();
  const behind = new Set<string>();
  const busy = new Set<number>();
  for (;;) {
    const { pending, timely } = await lookAt(wanted, owned, deps);
    const open = timely.filter((key) => !refused.has(key));
    const unwritten = new Set(pending);
    const left = new Set(keys.filter((key) => unwritten.has(key)));
    if (left.size === 0 || open.length === 0 || scheduler.now() >= deadlineMs) return left;
    let isStuck = true;
    let wasWritten = false;
    const tables: TableName[] = [];
    // The order of shards keeps two transactions from blocking each other again and again; nothing else depends on it.
    for (const [shard, ofShard] of [...byShard(open, looks.shards)].toSorted(([one], [other]) => one - other)) {
      if (scheduler.now() >= deadlineMs) break;
      const waitMs = busy.delete(shard) ? Math.max(1, Math.min(WAIT_MS, deadlineMs - scheduler.now())) : 0;
      const outcome = await promoteShard(shard, ofShard, join, owned, deps, Math.round(waitMs));
      if (outcome?.isBusy === true) busy.add(shard);
      for (const key of outcome?.refused ?? []) refused.add(key);
      // Parents may be of other shards: they are written first, in the next round.
      for (const parent of outcome?.parents ?? []) wanted.add(parent);
      // A child of a refused parent is tried again while there is time, as are locked rows.
      const hasNewParents = outcome?.parents.some((parent) => !refused.has(parent)) ?? false;
      if (!outcome || outcome.refused.length > 0 || hasNewParents) isStuck = false;
      if (!outcome) wasWritten = true;
      for (const table of outcome?.behind ?? []) if (isNew(table, behind)) tables.push(table);
    }
    if (tables.length > 0) {
      for (const other of await rowsOfTables(tables, looks)) wanted.add(other);
      isStuck = false;
    }
    // Any row that was written, or will be, may have been the reason for a refusal.
    if (wasWritten || tables.length > 0) refused.clear();
    if (isStuck && busy.size === 0) await pause(PAUSE_MS * (0.5 + Math.random()));
  }
}

function isNew(table: TableName, known: Set<string>): boolean {
  const before = known.size;
  return known.add(tableText(table)).size > before;
}

/**
 * The rows with pending changes, and those of them that may be written now: their parents, which are wanted too, are no
 * longer pending. If all of them wait for others, all are tried: a parent may be refused, or in the database.
 */
async function lookAt(
  wanted: Set<RowKey>,
  owned: OwnedBatches,
  { looks, sink }: PromoteDeps,
): Promise<{ readonly pending: readonly RowKey[]; readonly timely: readonly RowKey[] }> {
  for (;;) {
    const found = await looks.peek([...wanted]);
    const isOpen = (key: RowKey): boolean => isPending(key, found.get(key), owned.of(shardOf(key, looks.shards)));
    const pending = [...wanted].filter(isOpen);
    const parents = new Map(pending.map((key) => [key, parentsIn(key, found.get(key), sink)]));
    const news = [...parents.values()].flat().filter((parent) => !wanted.has(parent));
    for (const parent of news) wanted.add(parent);
    if (news.length > 0) continue;
    const timely = pending.filter((key) => !parents.get(key)?.some((parent) => isOpen(parent)));
    return { pending, timely: timely.length > 0 ? timely : pending };
  }
}

function parentsIn(key: RowKey, pending: Pending | undefined, sink: Pick<ChangeSink, 'parentsOf'>): readonly RowKey[] {
  const records = [pending?.inFlight?.record, pending?.dirty].filter((record) => record !== undefined);
  return records.flatMap((record) => sink.parentsOf(key, record)).filter((parent) => parent !== key);
}

/** Why rows of a shard were not written; `undefined`: they were written. */
async function promoteShard(
  shard: number,
  keys: readonly RowKey[],
  join: JoinedTransaction,
  owned: OwnedBatches,
  deps: PromoteDeps,
  waitMs: number,
): Promise<NotNow | undefined> {
  try {
    await join.attempt((part) => new PromotionOfShard(shard, keys, part, owned, deps, waitMs).run());
    return undefined;
  } catch (error) {
    if (error instanceof NotNow) return error;
    throw error;
  }
}

/** The rows with pending changes that the transaction has not written itself. */
export async function pendingRows(
  keys: readonly RowKey[],
  owned: OwnedBatches,
  looks: Pick<LookSide, 'peek' | 'shards'>,
): Promise<readonly RowKey[]> {
  const found = await looks.peek(keys);
  return keys.filter((key) => isPending(key, found.get(key), owned.of(shardOf(key, looks.shards))));
}

function isPending(key: RowKey, pending: Pending | undefined, own: OwnedBatch | undefined): boolean {
  if (pending?.dirty !== undefined) return true;
  return pending?.inFlight !== undefined && !isWrittenBy(own, key, pending.inFlight);
}

/**
 * The pending changes without those that the transaction has written itself: they are in its rows, whether or not it
 * commits.
 */
export function besidesOwn(
  found: ReadonlyMap<RowKey, Pending>,
  owned: OwnedBatches,
  shards: number,
): ReadonlyMap<RowKey, Pending> {
  return new Map(
    [...found].map(([key, pending]): [RowKey, Pending] => {
      const { inFlight, ...rest } = pending;
      return [key, inFlight && isWrittenBy(owned.of(shardOf(key, shards)), key, inFlight) ? rest : pending];
    }),
  );
}

function isWrittenBy(own: OwnedBatch | undefined, key: RowKey, inFlight: NonNullable<Pending['inFlight']>): boolean {
  if (inFlight.token !== own?.token) return false;
  const outcome = own.outcomes.get(key);
  return outcome?.kind !== 'again' && covers(outcome, inFlight.part);
}

function byShard(keys: readonly RowKey[], shards: number): ReadonlyMap<number, RowKey[]> {
  return Map.groupBy(keys, (key) => shardOf(key, shards));
}
