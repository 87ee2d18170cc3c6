/** The middle of some figures and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @throws RangeError for no figures */
export function spreadOf(figures: readonly number[]): Spread {
  return { median: quantile(figures, 0.5), least: quantile(figures, 0), most: quantile(figures, 1) };
}

/**
 * The figure below which this share of all figures lies, between two figures by their distance.
 * @example quantile([1, 2, 3, 4], 0.5) // 2.5
 * @throws RangeError for no figures
 */
export function quantile(figures: readonly number[], share: number): number {
  const sorted = Float64Array.from(figures).toSorted();
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new RangeError('There is no quantile of no figures.');
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * What one side has for each of another side, round by round. Both sides of a round ran right after each other, so what
 * slowed the machine down in a round slowed both.
 */
export function ratiosOf(figures: readonly number[], others: readonly number[]): readonly number[] {
  return figures.slice(0, others.length).map((figure, round) => figure / (others[round] ?? Number.NaN));
}
