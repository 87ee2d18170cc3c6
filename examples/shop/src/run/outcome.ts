import type { Verdict } from '../comparison/verdict.js';
import type { Snapshot } from './snapshot.js';

/** How a run has ended. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly deadLetters: readonly DeadLetterLine[];
  /** After the drain. */
  readonly end: Snapshot;
  /** How long the shop was open. */
  readonly seconds: number;
  /** How long it took to write what was pending when the shop closed. */
  readonly drainMs: number;
  readonly killed: readonly string[];
}

/** A parked record, with the reason. */
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
  return lostBy(outcome) > 0 || outcome.verdict.twice > 0;
}
