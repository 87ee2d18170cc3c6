import type { StagingStats } from '../staging-store.js';

/** The counts of several servers as those of one. */
export function sumOfStats(all: readonly StagingStats[]): StagingStats {
  const pending = new Map<string, number>();
  for (const stats of all)
    for (const [entity, count] of Object.entries(stats.pending))
      pending.set(entity, (pending.get(entity) ?? 0) + count);
  const sum = (count: (stats: StagingStats) => number): number => all.reduce((total, each) => total + count(each), 0);
  const ages = all.flatMap(({ oldestMs }) => oldestMs ?? []);
  return {
    pending: Object.fromEntries(pending),
    inFlight: sum(({ inFlight }) => inFlight),
    dead: sum(({ dead }) => dead),
    deadDropped: sum(({ deadDropped }) => deadDropped),
    staged: sum(({ staged }) => staged),
    coalesced: sum(({ coalesced }) => coalesced),
    annihilated: sum(({ annihilated }) => annihilated),
    held: sum(({ held }) => held),
    // In a cluster several shards are of one server.
    servers: [...new Set(all.flatMap(({ servers }) => servers ?? []))],
    ...(ages.length > 0 && { oldestMs: ages.reduce((oldest, age) => Math.max(oldest, age)) }),
  };
}
