import type { Tier } from '../../../policy/durability.js';
import type { Argument } from '../connection.js';
import type { Abilities } from './abilities.js';

/** A command that waits, and how its answer is read. */
interface Wait {
  readonly command: readonly [string, ...Argument[]];
  /** What is missing, in words; `undefined`: nothing is. */
  readonly missing: (answer: unknown) => string | undefined;
}

/**
 * The commands that wait for a tier, as far as a server with these abilities can. If it does not tell how many replicas
 * there are, one has to have it.
 *
 * @param timeoutMs the longest that each of them waits
 */
export function waitsFor(tier: Tier, { knowsWait, replicas, disk }: Abilities, timeoutMs: number): readonly Wait[] {
  const waits: Wait[] = [];
  const within = `within ${timeoutMs} ms`;
  if (tier === 'fsynced' || tier === 'both') {
    // With appendfsync always, the server answers no write before it is on disk.
    if (disk === 'waits')
      waits.push({
        command: ['WAITAOF', 1, 0, timeoutMs],
        missing: (answer) =>
          Array.isArray(answer) && Number(answer[0]) >= 1 ? undefined : `it was not on disk ${within}`,
      });
  }
  if ((tier === 'replicated' || tier === 'both') && knowsWait && replicas !== 0) {
    const wanted = replicas ?? 1;
    waits.push({
      command: ['WAIT', wanted, timeoutMs],
      missing: (answer) =>
        Number(answer) >= wanted ? undefined : `${Number(answer)} of ${wanted} replicas had it ${within}`,
    });
  }
  return waits;
}
