import type { ShardDepth } from '../shard-depth.js';
import type { StagingStats } from '../staging-store.js';
import { text, type Reply } from './connection.js';

/** Names of an entity's count of pending records begin like this. */
const ENTITY = 'p:';
/** Names of an entity's count of layers begin like this. */
const HELD = 'h:';

/** The sum over the shards. */
export function addStats(replies: readonly Reply[]): StagingStats {
  const pending = new Map<string, number>();
  let oldestMs = -1;
  const totals = { inFlight: 0, dead: 0, deadDropped: 0, staged: 0, coalesced: 0, annihilated: 0, held: 0 };
  for (const [status, inFlight, dead, staged, coalesced, annihilated, oldest, dropped, ...counts] of replies) {
    if (text(status) !== 'counts') continue;
    totals.inFlight += numberIn(inFlight);
    totals.dead += numberIn(dead);
    totals.deadDropped += numberIn(dropped);
    totals.staged += numberIn(staged);
    totals.coalesced += numberIn(coalesced);
    totals.annihilated += numberIn(annihilated);
    oldestMs = Math.max(oldestMs, numberIn(oldest));
    for (let index = 0; index < counts.length; index += 2) {
      const name = text(counts[index]);
      const count = numberIn(counts[index + 1]);
      if (name.startsWith(HELD)) totals.held += count;
      if (name.startsWith(ENTITY) && count > 0) {
        const entity = name.slice(ENTITY.length);
        pending.set(entity, (pending.get(entity) ?? 0) + count);
      }
    }
  }
  return { pending: Object.fromEntries(pending), ...totals, ...(oldestMs >= 0 && { oldestMs }) };
}

/** `undefined`: the shard has no chain yet. */
export function depthIn(reply: Reply, shard: number, server: string): ShardDepth | undefined {
  const [status, dirty, inFlight, dead, ...ages] = reply;
  if (text(status) !== 'depth') return undefined;
  const oldestMs = new Map<string, number>();
  for (let index = 0; index + 1 < ages.length; index += 2) oldestMs.set(text(ages[index]), numberIn(ages[index + 1]));
  return {
    shard,
    server,
    dirty: numberIn(dirty),
    inFlight: numberIn(inFlight),
    dead: numberIn(dead),
    oldestMs: Object.fromEntries(oldestMs),
  };
}

/** Redis may hold any bytes there. The count stays a number. */
function numberIn(part: unknown): number {
  const number = part === null || part === undefined ? 0 : Number(text(part));
  return Number.isFinite(number) ? number : 0;
}
