import { OLDER, type Limit, type Measurement, type Ratio, type Reading } from '../plan/measurement.js';
import { ratiosOf, spreadOf, type Spread } from './statistics.js';

/** The figures of one side, in the order of the rounds. */
export interface SideResult {
  readonly side: string;
  /** Whether it is a side of the older build. */
  readonly isOlder: boolean;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

export interface LimitResult extends Limit, Spread {
  /** Whether it is as it has to be; absent where nothing is asked of it. */
  readonly isMet?: boolean;
}

export interface RatioResult extends LimitResult, Ratio {}

export interface Result {
  readonly id: string;
  readonly what: string;
  readonly readings: Readonly<Record<string, Reading>>;
  readonly sides: readonly SideResult[];
  readonly ratios: readonly RatioResult[];
  readonly limits: readonly LimitResult[];
}

export function resultOf(measurement: Measurement, sides: readonly SideResult[]): Result {
  const { id, what, readings, ratios, limits = [] } = measurement;
  const all = [...ratios, ...ratiosToOlder(ratios, readings, sides)];
  return {
    id,
    what,
    readings,
    sides,
    ratios: all.flatMap((ratio) => ratioResult(ratio, sides) ?? []),
    limits: limits.flatMap((limit) => judged(limit, figuresOf(sides, limit.of, false, limit.reading)) ?? []),
  };
}

/** Each side of ours is compared with its twin in every reading, whether something is asked of that or not. */
function ratiosToOlder(
  known: readonly Ratio[],
  readings: Measurement['readings'],
  sides: readonly SideResult[],
): readonly Ratio[] {
  const isKnown = (of: string, reading: string): boolean =>
    known.some((ratio) => ratio.to === OLDER && ratio.of === of && ratio.reading === reading);
  return sides
    .filter(({ isOlder }) => isOlder)
    .flatMap(({ side: of }) => Object.keys(readings).map((reading) => ({ of, to: OLDER, reading })))
    .filter(({ of, reading }) => !isKnown(of, reading));
}

function ratioResult(ratio: Ratio, sides: readonly SideResult[]): RatioResult | undefined {
  const { of, to, reading } = ratio;
  const isOlder = to === OLDER;
  const ours = figuresOf(sides, of, false, reading);
  const theirs = figuresOf(sides, isOlder ? of : to, isOlder, reading);
  return ours && theirs && judged(ratio, ratiosOf(ours, theirs));
}

function figuresOf(
  sides: readonly SideResult[],
  name: string,
  isOlder: boolean,
  reading: string,
): readonly number[] | undefined {
  return sides.find((side) => side.side === name && side.isOlder === isOlder)?.figures[reading];
}

/** The middle of the figures decides whether a limit is met. */
function judged<Asked extends Limit>(
  asked: Asked,
  figures: readonly number[] | undefined,
): (Asked & Spread & { readonly isMet?: boolean }) | undefined {
  if (!figures) return undefined;
  const { atLeast, atMost } = asked;
  const spread = spreadOf(figures);
  if (atLeast === undefined && atMost === undefined) return { ...asked, ...spread };
  const isMet = spread.median >= (atLeast ?? -Infinity) && spread.median <= (atMost ?? Infinity);
  return { ...asked, ...spread, isMet };
}
