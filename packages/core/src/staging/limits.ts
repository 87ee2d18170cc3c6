/** How much a staging store remembers of changes that are no longer pending. All per shard. */
export interface StagingLimits {
  /**
   * Written versions and deletions are remembered at least this long, milliseconds, unless `rememberRows` is reached.
   * In a shard that acknowledges batches they are remembered at most about twice as long. @defaultValue 300_000
   */
  readonly rememberMs: number;
  /** Rows remembered per generation, of which there are two; the oldest are forgotten first. @defaultValue 4_000 */
  readonly rememberRows: number;
  /**
   * Ids of stage calls are remembered at least this long, milliseconds, unless `seenCalls` is reached: longer than a
   * caller sends one again. @defaultValue 600_000
   */
  readonly seenMs: number;
  /**
   * Calls per generation. A generation that reaches it ends after a tenth of `seenMs` already.
   * @defaultValue 20_000
   */
  readonly seenCalls: number;
  /** Most bytes of copies of rows; the oldest go first. @defaultValue 1_048_576 */
  readonly cacheBytes: number;
  /** Most dead letters; the oldest are dropped first. @defaultValue 1_563 */
  readonly keepLetters: number;
  /** How long a dead letter is kept, milliseconds; 0: as long as there is room. @defaultValue 0 */
  readonly keepLettersMs: number;
}

/** How long a call is remembered at the least: a generation of many calls may end after a tenth of its time. */
export function remembersCallsMs({ seenMs }: Pick<StagingLimits, 'seenMs'>): number {
  return seenMs / 10;
}

export const DEFAULT_LIMITS: StagingLimits = {
  rememberMs: 300_000,
  rememberRows: 4_000,
  seenMs: 600_000,
  seenCalls: 20_000,
  cacheBytes: 1_048_576,
  keepLetters: 1_563,
  keepLettersMs: 0,
};
