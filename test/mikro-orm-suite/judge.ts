import { reasons, uncertain, type KnownDifference } from './known-differences.js';
import type { Difference } from './outcomes.js';

const LONGEST = 200;

export interface Judgement {
  readonly lines: readonly string[];
  /** Whether every difference is known, and every known one of these files was seen. */
  readonly isAsKnown: boolean;
}

/** Holds what differs against what is known to differ. @param files those that ran */
export function judge(
  found: readonly Difference[],
  known: readonly KnownDifference[],
  files: readonly string[],
): Judgement {
  const reasonOf = new Map(known.map(({ id, reason }) => [id, reason]));
  const seen = new Set(found.map(({ id }) => id));
  const strange = found.filter(({ id }) => !reasonOf.has(id));
  const certain = known.filter(({ reason }) => !uncertain.has(reason));
  const gone = certain.filter(({ id }) => !seen.has(id) && files.includes(id.split('#')[0] ?? ''));
  const counts = Object.entries(reasons).flatMap(([reason, text]) => {
    const count = found.filter(({ id }) => reasonOf.get(id) === reason).length;
    return count === 0 ? [] : [`  ${count} known: ${text}`];
  });
  return {
    lines: [
      ...counts,
      ...strange.map(({ id, plain, ours }) => `  NEW ${id} ${plain} -> ${ours.status} ${firstLine(ours)}`),
      ...gone.map(({ id }) => `  NO LONGER ${id}`),
    ],
    isAsKnown: strange.length === 0 && gone.length === 0,
  };
}

function firstLine({ title, message }: Difference['ours']): string {
  return `"${title}": ${message.split('\n')[0] ?? ''}`.slice(0, LONGEST);
}
