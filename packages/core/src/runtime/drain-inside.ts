import { unlessAborted } from '../mikro-orm/contract/call-context.js';
import { type RowKey, shardOf } from '../change/row-key.js';
import { isDrainTimeout, type SpillwayError } from '../errors.js';
import type { CallersTransaction } from '../mikro-orm/transactions/caller.js';
import type { WriteWay } from '../observability/status.js';
import { drainPatiently, stillPending, type PatientDrain, type PatientDrainDeps } from '../read/patient-drain.js';
import { waitsForItself } from '../sink/one-connection.js';
import type { DueScope } from '../staging/look-side.js';
import type { Parts } from './parts.js';
import type { Promotions } from './promotions.js';
import { unlessStarved } from './starved.js';

/** The transaction's own locks may block a flush, so each of the two ways of promoting is given up soon. */
const FIRST_FORM_MS = 1_000;
const SECOND_FORM_MS = 1_000;
/** The query has already waited when it gets here. */
const REST_MS = 250;

/** The most looks for the rows of a query. */
const LOOKS = 10;

const WRITING =
  'Changes that were staged earlier have to be written first, and this transaction is not one to write them in (it only reads, has a session context, or was begun past MikroORM)';

export type DrainInside =
  | { readonly kind: 'drained' }
  /** Something is still pending: PostgreSQL does not take it, or locks of a transaction are in the way. */
  | {
      readonly kind: 'refused' | 'held';
      /** Nothing was tried outside: there was no connection for it. */
      readonly isStarved?: boolean;
      readonly rows: readonly RowKey[];
      readonly error: SpillwayError;
    };

interface Request extends Pick<PatientDrain, 'scope' | 'wide'> {
  /** The statement writes or locks the rows of the scope. */
  readonly touches: boolean;
  /** The most time to write all of it inside, where nothing can be written elsewhere. */
  readonly timeoutMs: number;
  /** Aborting ends the wait for Spillway's own connections. A write inside the transaction runs to its end. */
  readonly signal: AbortSignal | undefined;
  /** These pending rows have been written for it. */
  readonly promoted: (keys: readonly RowKey[], way: WriteWay) => void;
}

/**
 * Writes pending changes before a statement in a transaction of the application. Spillway's own connection comes first:
 * its write commits before the statement runs. The lock time-out there is short, so the flush always gives way. The
 * changes that are then still pending may wait for the transaction itself, so they are written in it.
 */
export async function drainInside(
  request: Request,
  inside: CallersTransaction,
  promotions: Promotions,
  parts: Parts,
): Promise<DrainInside> {
  const { scope, touches } = request;
  if (parts.sink.hasOneConnection) return promoteAll(request, inside, promotions, parts);
  if (scope.kind === 'rows') {
    const pending = await promotions.pending(scope.keys, inside.scope, parts);
    const outcome = pending.length === 0 ? DRAINED : await promote(pending, request, inside, promotions, parts);
    if (touches) promotions.touch(inside.scope, scope.keys);
    return outcome;
  }
  if (scope.kind === 'tables' && !(await parts.looks.due.any(scope))) return DRAINED;
  const own = await promoteOwn(request, inside, promotions, parts);
  const drained = await drainOutside(request, inside, parts, own);
  if (drained.kind === 'drained') return DRAINED;
  const left = await promoteRest(request, inside, promotions, parts, drained.isStarved ? SECOND_FORM_MS : REST_MS);
  if (left.length === 0 && !(await anyPaused(scope, parts))) return DRAINED;
  return { ...drained, kind: drained.kind === 'refused' && own.size === 0 ? 'refused' : 'held' };
}

/**
 * Writes in the transaction the rows of the query's tables that are still pending: no flush can write the shards that
 * the transaction owns, nor rows that it has locked. Answers the rows that it cannot write either: another transaction
 * has locked them, or PostgreSQL refuses them.
 */
async function promoteRest(
  { scope, promoted }: Request,
  inside: CallersTransaction,
  promotions: Promotions,
  parts: Parts,
  timeoutMs: number,
): Promise<readonly RowKey[]> {
  const rows = scope.kind === 'rows' ? scope.keys : await rowsOf(scope, parts);
  const pending = await promotions.pending(rows, inside.scope, parts);
  if (pending.length === 0 || !inside.mayWrite) return pending;
  const left = await promotions.write(pending, inside, timeoutMs, parts);
  promoted(
    pending.filter((key) => !left.includes(key)),
    'promoted-inside',
  );
  return left;
}

/**
 * Where the transaction has the only connection, it writes all of it itself.
 * @throws SpillwayError `ONE_CONNECTION` where Spillway may not write in it
 */
async function promoteAll(
  { scope, promoted, timeoutMs }: Request,
  inside: CallersTransaction,
  promotions: Promotions,
  parts: Parts,
): Promise<DrainInside> {
  const keys = scope.kind === 'rows' ? scope.keys : await rowsOf(scope, parts);
  const pending = await promotions.pending(keys, inside.scope, parts);
  const isPaused = await anyPaused(scope, parts);
  const refused = (rows: readonly RowKey[]): DrainInside =>
    rows.length === 0 && !isPaused ? DRAINED : { kind: 'refused', rows, error: stillPending(rows, timeoutMs) };
  if (pending.length === 0) return refused([]);
  if (!inside.mayWrite || !(await promotions.accepts(inside, parts))) throw waitsForItself(WRITING);
  const left = await promotions.write(pending, inside, timeoutMs, parts);
  promoted(
    pending.filter((key) => !left.includes(key)),
    'promoted-inside',
  );
  return refused(left);
}

/** Rows that PostgreSQL has refused keep their pause, so the due rows do not include them. */
async function anyPaused(scope: DueScope, { looks }: Parts): Promise<boolean> {
  if (scope.kind === 'rows') return false;
  return [...(await looks.due.make(scope)).values()].some(({ paused }) => paused !== undefined);
}

/**
 * Only a row's record knows its parents: parents that are missing when it is written are written before it. A row that
 * came back from a flush after the others were made due is neither due nor in flight. All rows are then made due once
 * more.
 */
async function rowsOf(scope: Exclude<DueScope, { kind: 'rows' }>, { looks }: Parts): Promise<readonly RowKey[]> {
  if (scope.kind === 'tables' && !(await looks.due.any(scope))) return [];
  const rows = new Set<RowKey>();
  let marked = await looks.due.make(scope);
  for (let look = 1; ; look++) {
    for (const row of await looks.due.rows(scope, marked.keys())) rows.add(row);
    const again = await looks.due.make(scope);
    const hasComeBack = [...again].some(([shard, { putOff }]) => (marked.get(shard)?.putOff ?? putOff) !== putOff);
    if (!hasComeBack || look === LOOKS) return [...rows];
    marked = again;
  }
}

/**
 * A query does not wait for its own transaction (H12): pending changes of rows that the transaction is known to have
 * written or locked are written in it. Answers the shards to leave out of the query's drain, because the transaction
 * has them, or rows of theirs.
 */
async function promoteOwn(
  request: Request,
  inside: CallersTransaction,
  promotions: Promotions,
  parts: Parts,
): Promise<ReadonlySet<number>> {
  const { scope, mayWrite } = inside;
  const touched = promotions.touchedBy(scope);
  const pending = touched.length === 0 ? [] : await promotions.pending(touched, scope, parts);
  const left =
    pending.length > 0 && mayWrite ? await promotions.write(pending, inside, SECOND_FORM_MS, parts) : pending;
  request.promoted(
    pending.filter((key) => !left.includes(key)),
    'promoted-inside',
  );
  return new Set([...promotions.shardsOf(scope), ...left.map((key) => shardOf(key, parts.looks.shards))]);
}

async function promote(
  keys: readonly RowKey[],
  request: Request,
  inside: CallersTransaction,
  promotions: Promotions,
  parts: Parts,
): Promise<DrainInside> {
  const held = new Set(promotions.heldBy(inside.scope, keys, parts.looks.shards));
  const free = keys.filter((key) => !held.has(key));
  const first =
    free.length === 0
      ? DRAINED
      : await drainOutside({ ...request, scope: { kind: 'rows', keys: free } }, inside, parts);
  if (first.kind === 'drained' && held.size === 0) {
    request.promoted(free, 'promoted');
    return DRAINED;
  }
  const pending = await promotions.pending(keys, inside.scope, parts);
  request.promoted(
    free.filter((key) => !pending.includes(key)),
    'promoted',
  );
  const left =
    pending.length > 0 && inside.mayWrite ? await promotions.write(pending, inside, SECOND_FORM_MS, parts) : pending;
  request.promoted(
    pending.filter((key) => !left.includes(key)),
    'promoted-inside',
  );
  if (left.length === 0) return DRAINED;
  const error = first.kind === 'held' ? first.error : stillPending(left, SECOND_FORM_MS);
  return { kind: first.kind === 'refused' && inside.mayWrite ? 'refused' : 'held', rows: left, error };
}

/**
 * Drains on Spillway's own connections, unless the pool has none left: the transaction holds one, and others like it
 * hold the rest. The changes are then written inside, if the transaction may write.
 */
async function drainOutside(
  request: Request,
  inside: CallersTransaction,
  parts: Parts,
  except?: ReadonlySet<number>,
): Promise<DrainInside> {
  const drain = async (): Promise<DrainInside> => drainOnOwn(request, parts, except);
  const drained = inside.mayWrite ? await unlessStarved(parts.sink, drain) : await drain();
  if (drained !== 'starved') return drained;
  const rows = request.scope.kind === 'rows' ? request.scope.keys : [];
  return { kind: 'held', isStarved: true, rows, error: stillPending(rows, FIRST_FORM_MS) };
}

async function drainOnOwn(request: Request, parts: Parts, except?: ReadonlySet<number>): Promise<DrainInside> {
  const rows = request.scope.kind === 'rows' ? request.scope.keys : [];
  try {
    const outcome = await unlessAborted(request.signal, async () =>
      drainPatiently({ ...request, beforeWrite: false, timeoutMs: FIRST_FORM_MS }, drainingBy(parts, except)),
    );
    if (outcome === 'drained') return DRAINED;
    return { kind: 'refused', rows, error: stillPending(rows, FIRST_FORM_MS) };
  } catch (error) {
    if (!isDrainTimeout(error)) throw error;
    return { kind: 'held', rows, error };
  }
}

export function drainingBy({ worker, looks }: Parts, except?: ReadonlySet<number>): PatientDrainDeps {
  return {
    drain: (part, timeoutMs) => worker.drain(part, { timeoutMs, ...(except && { except }) }),
    peek: (keys) => looks.peek(keys),
  };
}

const DRAINED = { kind: 'drained' } as const;
