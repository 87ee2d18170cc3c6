import { textOf } from '../errors.js';
import { formatDuration } from '../policy/duration.js';
import type { StagingStats } from '../staging/staging-store.js';

/** How it stands with writing, in one word and in sentences. */
export interface Health {
  /**
   * `degraded`: a part does not work, or something was lost within the last hour. `down`: nothing is written, or nobody
   * can say.
   */
  readonly status: 'up' | 'degraded' | 'down';
  /** What is wrong, each a sentence for whoever is called at night; empty if nothing is. */
  readonly problems: readonly string[];
  /** Rows with unwritten changes, over all entities. Absent where the staging store did not answer. */
  readonly pending?: number;
  /** Age of the change that should be written before all others, milliseconds; absent when nothing is pending. */
  readonly oldestMs?: number;
  /** Dead letters. They wait for a person and make nothing unhealthy. */
  readonly dead?: number;
}

/** What this process has seen go wrong and not yet come right. */
export interface Trouble {
  readonly isSinkDown: boolean;
  readonly silentShards: ReadonlySet<number>;
  /** What cannot be written until a person acts, as sentences. */
  readonly paused: readonly string[];
  /**
   * What Redis or PostgreSQL has forgotten lately, as sentences. Everything works again, and a person has to look at
   * rows.
   */
  readonly losses?: readonly string[];
}

export interface HealthQuestion {
  readonly stats: StagingStats;
  /** Something is due now, by the staging store's clock. */
  readonly isDue: boolean;
  readonly shards: number;
  readonly trouble: Trouble;
  /** From this age on the oldest change is overdue, milliseconds: the longest that a policy lets a change wait, and thirty seconds. */
  readonly overdueMs: number;
}

/**
 * Judges. What no process writes though it is due is the one thing that only the staging store can tell: the process that asks may have no worker, and the others
 * may be gone.
 */
export function judgeHealth({ stats, isDue, shards, trouble, overdueMs }: HealthQuestion): Health {
  const problems = [...downProblems(trouble, shards), ...trouble.paused];
  const { oldestMs } = stats;
  if (isDue && oldestMs !== undefined && oldestMs > overdueMs) {
    problems.push(
      `Nothing is written though it is due: the oldest change has waited ${formatDuration(Math.round(oldestMs / 1_000) * 1_000)}. See whether a worker runs`,
    );
  }
  const silent = trouble.silentShards.size;
  const isPartlySilent = silent > 0 && silent < shards;
  const lesser = [
    ...(isPartlySilent ? [`Redis does not answer for ${silent} of ${shards} shards`] : []),
    ...(trouble.losses ?? []),
  ];
  return {
    status: problems.length > 0 ? 'down' : lesser.length > 0 ? 'degraded' : 'up',
    problems: [...problems, ...lesser],
    pending: Object.values(stats.pending).reduce((sum, count) => sum + count, 0),
    ...(oldestMs !== undefined && { oldestMs }),
    dead: stats.dead,
  };
}

/** When even the question fails. */
export function unknownHealth(error: unknown): Health {
  return { status: 'down', problems: [textOf(error)] };
}

function* downProblems({ isSinkDown, silentShards }: Trouble, shards: number): Generator<string> {
  if (isSinkDown) yield 'PostgreSQL cannot be reached. Changes are staged on';
  if (silentShards.size >= shards && shards > 0) yield 'Redis does not answer';
}
