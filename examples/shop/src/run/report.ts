import { lostBy, type Outcome } from './outcome.js';
import { whole } from '../screen/words.js';

const mostLines = 20;

/** The report for a person, in the end. The last line is the result. */
export function report(outcome: Outcome): string {
  const { verdict, deadLetters, end, seconds, drainMs, killed } = outcome;
  const lost = lostBy(outcome);
  return [
    '',
    `${whole(end.saves)} flushes in ${seconds.toFixed(0)} s, ${whole(end.conflicts)} more were stale and done again.`,
    `${whole(end.rows)} rows written, ${(end.coalesced * 100).toFixed(0)} % of the changes coalesced.`,
    `What was pending in the end was written ${(drainMs / 1_000).toFixed(1)} s after the shop had closed.`,
    ...(killed.length === 0
      ? []
      : [`${whole(verdict.inDoubt)} changes are in doubt: their process was killed before it had an answer.`]),
    ...first(verdict.findings.map(({ effect, what }) => `${effect.toUpperCase()}: ${what}`)),
    ...first(deadLetters.map(({ row, code, reason }) => `DEAD LETTER: ${row}: ${code}: ${reason}`)),
    `${whole(verdict.acknowledged)} acknowledged, ${whole(verdict.acknowledged - lost)} in PostgreSQL, ` +
      `${whole(lost)} lost, ${whole(verdict.twice)} twice`,
  ].join('\n');
}

function first(lines: readonly string[]): readonly string[] {
  if (lines.length <= mostLines) return lines;
  return [...lines.slice(0, mostLines), `… and ${whole(lines.length - mostLines)} more.`];
}

/** The same for programs. */
export function figures(outcome: Outcome, seed: string): Record<string, unknown> {
  const { verdict, deadLetters, end, seconds, drainMs, killed } = outcome;
  const lost = lostBy(outcome);
  return {
    acknowledged: verdict.acknowledged,
    inPostgres: verdict.acknowledged - lost,
    lost,
    twice: verdict.twice,
    inDoubt: verdict.inDoubt,
    deadLetters: deadLetters.length,
    seed,
    seconds,
    saves: end.saves,
    savesPerSecond: Math.round(end.saves / seconds),
    conflicts: end.conflicts,
    rowsWritten: end.rows,
    rowsWrittenPerSecond: Math.round(end.rows / (seconds + drainMs / 1_000)),
    coalesced: Number(end.coalesced.toFixed(3)),
    drainMs: Math.round(drainMs),
    killed,
  };
}
