import { isInTables, type RowKey } from '../../change/row-key.js';
import { LOOKED_AT, type ShardDepth } from '../shard-depth.js';
import type { DrainState, DueScope, EmptyScope, TableScope, Watermark } from '../look-side.js';
import type { DueTime, MemoryShard } from './memory-shard.js';

/** Rows that are due, rows that a drain has marked first. */
export function dueRows(shard: MemoryShard, nowMs: number, limit: number): readonly RowKey[] {
  return [...shard.due]
    .filter(([, due]) => due.mark !== undefined || due.atMs <= nowMs)
    .toSorted(([, left], [, right]) => byDueTime(left, right))
    .slice(0, limit)
    .map(([rowKey]) => rowKey);
}

/** When the first change was staged of the first record in flight, and of the record that is due first. */
export function firstAtMs(shard: MemoryShard): readonly number[] {
  const [next] = [...shard.due].toSorted(([, left], [, right]) => byDueTime(left, right));
  const [inFlight] = shard.flight?.records.values() ?? [];
  const dirty = next && shard.dirty.get(next[0]);
  return [inFlight, dirty].flatMap((record) => (record === undefined ? [] : [record.firstAtMs]));
}

export function depthOf(shard: MemoryShard, nowMs: number): ShardDepth {
  const oldestMs = new Map<string, number>();
  const first = [...shard.due].toSorted(([, left], [, right]) => byDueTime(left, right)).slice(0, LOOKED_AT);
  for (const [rowKey] of first) {
    const record = shard.dirty.get(rowKey);
    if (record) oldestMs.set(record.entity, Math.max(oldestMs.get(record.entity) ?? 0, nowMs - record.firstAtMs));
  }
  return {
    shard: shard.shard,
    dirty: shard.dirty.size,
    inFlight: shard.flight?.records.size ?? 0,
    dead: shard.dead.size,
    oldestMs: Object.fromEntries(oldestMs),
  };
}

/** Milliseconds until the shard wants a flush. */
export function nextDueMs(shard: MemoryShard, nowMs: number): number | undefined {
  if (shard.flight !== undefined) return 0;
  let next: number | undefined;
  for (const due of shard.due.values()) {
    const waitMs = due.mark === undefined ? Math.max(0, due.atMs - nowMs) : 0;
    next = next === undefined ? waitMs : Math.min(next, waitMs);
  }
  return next;
}

/**
 * Marks pending records of the scope with the shard's stage sequence. Answers a watermark if there is any record.
 * @param how `anyhow`: also what keeps its pause
 */
export function markDue(shard: MemoryShard, scope: DueScope, nowMs: number, how?: 'anyhow'): Watermark | undefined {
  const inScope = scopeFilter(scope);
  const mark = shard.sequence;
  let pending = false;
  let paused = false;
  for (const [rowKey, due] of shard.due) {
    if (!inScope(rowKey)) continue;
    if (how === undefined && due.mark === undefined && due.keepsPause === true && due.atMs > nowMs) {
      paused = true;
      continue;
    }
    pending = true;
    if (due.mark === undefined) shard.due.set(rowKey, { ...due, mark });
  }
  const { flight } = shard;
  if (flight !== undefined && [...flight.records.keys()].some(inScope)) {
    pending = true;
    flight.mark = Math.min(flight.mark ?? mark, mark);
  }
  if (!pending && !paused) return undefined;
  const after = flight === undefined ? { after: shard.last } : {};
  return { sequence: mark, putOff: shard.putOff, ...after, ...(paused && { paused: pending ? 'some' : 'all' }) };
}

/** The rows of a scope that drains have marked, and those in flight. */
export function markedRows(shard: MemoryShard, scope: EmptyScope): readonly RowKey[] {
  const marked = [...shard.due].filter(([, { mark }]) => mark !== undefined).map(([rowKey]) => rowKey);
  const rows = new Set([...marked, ...(shard.flight?.records.keys() ?? [])]);
  return [...rows].filter(scopeFilter(scope));
}

export function pendingRows(shard: MemoryShard, scope: EmptyScope): readonly RowKey[] {
  const rows = new Set([...shard.dirty.keys(), ...(shard.flight?.records.keys() ?? [])]);
  return [...rows].filter(scopeFilter(scope));
}

/** True if a record of these tables is dirty or in flight. */
export function holdsAny(shard: MemoryShard, scope: TableScope): boolean {
  const inScope = scopeFilter(scope);
  return [...shard.dirty.keys(), ...(shard.flight?.records.keys() ?? [])].some(inScope);
}

/** The state of the records that were marked at or before the watermark; `undefined`: none is left. */
export function drainState(shard: MemoryShard, { sequence, putOff }: Watermark): DrainState | undefined {
  const marks = [shard.flight?.mark, ...[...shard.due.values()].map(({ mark }) => mark)];
  if (marks.some((mark) => mark !== undefined && mark <= sequence)) return 'untried';
  return shard.putOff === putOff ? undefined : 'put-off';
}

function byDueTime(left: DueTime, right: DueTime): number {
  if (left.mark === undefined && right.mark === undefined) return left.atMs - right.atMs;
  return (left.mark ?? Infinity) - (right.mark ?? Infinity);
}

/** A function that tells if a row belongs to the scope. */
export function scopeFilter(scope: DueScope): (rowKey: RowKey) => boolean {
  if (scope.kind === 'all') return () => true;
  if (scope.kind === 'rows') {
    const rows = new Set(scope.keys);
    return (rowKey) => rows.has(rowKey);
  }
  return isInTables(scope.tables);
}
