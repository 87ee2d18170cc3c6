import { OLDER, type Measurement, type Ratio, type Reading } from '../plan/catalogue.js';
import { ratiosOf, spreadOf, type Spread } from './statistics.js';

/** The figures of one side, in the order of the rounds. */
export interface SideResult {
  readonly side: string;
  /** Whether it is a side of the older build. */
  readonly isOlder: boolean;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

export interface RatioResult extends Ratio, Spread {
  /** Whether it is as it has to be; absent where nothing is asked of it. */
  readonly isMet?: boolean;
}

export interface Result {
  readonly id: string;
  readonly what: string;
  readonly readings: Readonly<Record<string, Reading>>;
  readonly sides: readonly SideResult[];
  readonly ratios: readonly RatioResult[];
}

export function resultOf({ id, what, readings, ratios }: Measurement, sides: readonly SideResult[]): Result {
  const all = [...ratios, ...ratiosToOlder(ratios, readings, sides)];
  return { id, what, readings, sides, ratios: all.flatMap((ratio) => ratioResult(ratio, sides) ?? []) };
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
  const { of, to, reading, atLeast, atMost } = ratio;
  const isOlder = to === OLDER;
  const ours = sides.find((side) => side.side === of && !side.isOlder)?.figures[reading];
  const theirs = sides.find((side) => side.side === (isOlder ? of : to) && side.isOlder === isOlder)?.figures[reading];
  if (!ours || !theirs) return undefined;
  const spread = spreadOf(ratiosOf(ours, theirs));
  if (atLeast === undefined && atMost === undefined) return { ...ratio, ...spread };
  const isMet = spread.median >= (atLeast ?? -Infinity) && spread.median <= (atMost ?? Infinity);
  return { ...ratio, ...spread, isMet };
}
