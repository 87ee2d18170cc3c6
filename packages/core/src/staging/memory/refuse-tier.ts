import { SpillwayError } from '../../errors.js';
import type { Tier } from '../../policy/durability.js';

/** The memory of a process has neither replicas nor a disk. */
export function refuseTier(tier: Tier = 'primary'): void {
  if (tier === 'primary') return;
  throw new SpillwayError(
    'DURABILITY_UNSUPPORTED',
    `Staging in memory cannot give durability: ${tier === 'both' ? "'replicated' and 'fsynced'" : `'${tier}'`}: it ends with its process; nothing was staged. ` +
      "Stage in Redis, or choose durability: 'primary'",
  );
}
