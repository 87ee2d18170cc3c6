import type { Durability } from '@spillway/core';
import type { Verdict } from '../comparison/verdict.js';
import type { Pace } from '../pace/pace.js';
import type { StagedSnapshot } from './snapshot.js';

/** How a run has ended. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly deadLetters: readonly DeadLetterLine[];
  /** After the drain. */
  readonly end: StagedSnapshot;
  /** How long visitors were served: the last ones are served to the end. */
  readonly seconds: number;
  /** How long it took to write what was pending when the shop closed. */
  readonly drainMs: number;
  readonly killed: readonly string[];
  /** While nothing was killed; `undefined` if it was closed before that was known. */
  readonly pace: Pace | undefined;
  /** The same traffic on plain MikroORM; `undefined` if the shop was closed before it was over. */
  readonly plain: PlainOutcome | undefined;
  /** The durability that does not keep what an accident took; `undefined`: nothing may be lost. */
  readonly mayLose?: Durability | undefined;
}

/** How the shop on plain MikroORM has ended. */
export interface PlainOutcome {
  readonly pace: Pace;
  readonly verdict: Verdict;
  readonly conflicts: number;
}

/** A dead letter, with the reason. */
export interface DeadLetterLine {
  readonly row: string;
  readonly code: string;
  readonly reason: string;
}

/** A dead letter is lost until a person has seen to it, even if the comparison has not missed it. */
export function lostBy({ verdict, deadLetters }: Outcome): number {
  return Math.max(verdict.lost, deadLetters.length);
}

export function hasFailed(outcome: Outcome): boolean {
  return (lostBy(outcome) > 0 && outcome.mayLose === undefined) || outcome.verdict.twice > 0;
}
