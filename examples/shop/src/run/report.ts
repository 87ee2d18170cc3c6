import { rateOf, type Pace } from '../pace/pace.js';
import { lostBy, type Outcome } from './outcome.js';
import { milliseconds, seconds, whole } from '../screen/words.js';

const mostLines = 20;

/** The report for a person, in the end. The last line is the result. */
export function report(outcome: Outcome): string {
  const { verdict, deadLetters, end, drainMs, killed } = outcome;
  const lost = lostBy(outcome);
  return [
    '',
    `${whole(end.saves)} flushes in ${outcome.seconds.toFixed(0)} s, ${whole(end.conflicts)} more were stale and done again.`,
    `${whole(end.rows)} rows written, ${(end.coalesced * 100).toFixed(0)} % of the changes coalesced.`,
    `What was pending in the end was written ${(drainMs / 1_000).toFixed(1)} s after the shop had closed.`,
    ...(killed.length === 0
      ? []
      : [`${whole(verdict.inDoubt)} changes are in doubt: their process was killed before it had an answer.`]),
    ...first(verdict.findings.map(({ effect, what }) => `${effect.toUpperCase()}: ${what}`)),
    ...first(deadLetters.map(({ row, code, reason }) => `DEAD LETTER: ${row}: ${code}: ${reason}`)),
    ...comparison(outcome),
    ...lossInWords(outcome),
    `${whole(verdict.acknowledged)} acknowledged, ${whole(verdict.acknowledged - lost)} in PostgreSQL, ` +
      `${whole(lost)} lost, ${whole(verdict.twice)} twice`,
  ].join('\n');
}

/** A loss that was to be expected is said as what it is. */
function lossInWords(outcome: Outcome): readonly string[] {
  const { mayLose, killed } = outcome;
  if (mayLose === undefined || killed.length === 0) return [];
  return [
    `durability '${mayLose}': the replica lacked what the killed primary had not sent it yet. ` +
      `${whole(lostBy(outcome))} acknowledged changes went that way, or wait as dead letters; 'replicated' keeps them.`,
  ];
}

/** Both shops in one line, and what plain MikroORM has got wrong, if it has. */
function comparison({ pace, plain }: Outcome): readonly string[] {
  if (pace === undefined || plain === undefined) return [];
  const { findings } = plain.verdict;
  return [
    ...first(findings.map(({ effect, what }) => `PLAIN MIKROORM, ${effect.toUpperCase()}: ${what}`)),
    `Spillway: ${paceInWords(pace)}. Plain MikroORM: ${paceInWords(plain.pace)}. ` +
      `${times(pace, plain.pace)} times as many, in ${seconds(pace.seconds)} each.`,
  ];
}

function paceInWords(pace: Pace): string {
  return `${whole(rateOf(pace))} saves/s, p50 ${milliseconds(pace.p50Ms)}, p99 ${milliseconds(pace.p99Ms)}`;
}

function times(pace: Pace, plain: Pace): string {
  return (rateOf(pace) / rateOf(plain)).toFixed(1);
}

function first(lines: readonly string[]): readonly string[] {
  if (lines.length <= mostLines) return lines;
  return [...lines.slice(0, mostLines), `… and ${whole(lines.length - mostLines)} more.`];
}

/** The same for programs. */
export function figures(outcome: Outcome, seed: string): Record<string, unknown> {
  const { verdict, deadLetters, end, drainMs, killed, pace, plain } = outcome;
  const lost = lostBy(outcome);
  return {
    acknowledged: verdict.acknowledged,
    inPostgres: verdict.acknowledged - lost,
    lost,
    twice: verdict.twice,
    inDoubt: verdict.inDoubt,
    deadLetters: deadLetters.length,
    seed,
    seconds: outcome.seconds,
    saves: end.saves,
    savesPerSecond: Math.round(end.saves / outcome.seconds),
    conflicts: end.conflicts,
    rowsWritten: end.rows,
    rowsWrittenPerSecond: Math.round(end.rows / (outcome.seconds + drainMs / 1_000)),
    coalesced: Number(end.coalesced.toFixed(3)),
    drainMs: Math.round(drainMs),
    killed,
    pace: pace && paceFigures(pace),
    plain: plain && {
      ...paceFigures(plain.pace),
      conflicts: plain.conflicts,
      acknowledged: plain.verdict.acknowledged,
      lost: plain.verdict.lost,
      twice: plain.verdict.twice,
    },
    timesPlain: pace && plain && Number(times(pace, plain.pace)),
  };
}

function paceFigures(pace: Pace): Record<string, number> {
  return {
    seconds: pace.seconds,
    saves: pace.saves,
    savesPerSecond: Math.round(rateOf(pace)),
    p50Ms: Number(pace.p50Ms.toFixed(1)),
    p99Ms: Number(pace.p99Ms.toFixed(1)),
  };
}
