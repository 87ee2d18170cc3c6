import type { StagingStats } from '../staging-store.js';
import { text, type Reply } from './replies.js';

/** Names of counts that belong to one entity begin like this. */
const ENTITY = 'p:';
/** And those of what transactions hold like this. */
const HELD = 'h:';

/** The sum over the shards. */
export function addStats(replies: readonly Reply[]): StagingStats {
  const pending: Record<string, number> = {};
  let oldestMs = -1;
  const totals = { inFlight: 0, dead: 0, staged: 0, coalesced: 0, annihilated: 0, held: 0 };
  for (const [status, inFlight, dead, staged, coalesced, annihilated, oldest, ...counts] of replies) {
    if (text(status) !== 'counts') continue;
    totals.inFlight += Number(inFlight);
    totals.dead += Number(dead);
    totals.staged += Number(text(staged));
    totals.coalesced += Number(text(coalesced));
    totals.annihilated += Number(text(annihilated));
    oldestMs = Math.max(oldestMs, Number(oldest));
    for (let index = 0; index < counts.length; index += 2) {
      const name = text(counts[index]);
      const count = Number(text(counts[index + 1]));
      if (name.startsWith(HELD)) totals.held += count;
      if (name.startsWith(ENTITY) && count > 0) {
        const entity = name.slice(ENTITY.length);
        pending[entity] = (pending[entity] ?? 0) + count;
      }
    }
  }
  return { pending, ...totals, ...(oldestMs >= 0 && { oldestMs }) };
}
