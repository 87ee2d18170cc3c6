/** How much of the same a test does: `short` in `npm test`, `long` in `npm run test:long` and in a run of its own. */
export function sized<Size>({ short, long }: { readonly short: Size; readonly long: Size }): Size {
  return process.env['SPILLWAY_TESTS'] === 'short' ? short : long;
}

/**
 * What of a list a test tries: all of it in a long run, one of `outOf` in a short one. The next turn gets the next
 * ones, so that `outOf` turns try the whole list.
 */
export function thinned<Item>(list: readonly Item[], turn: number, outOf = 4): readonly Item[] {
  const step = sized({ short: outOf, long: 1 });
  return list.filter((_, position) => position % step === turn % step);
}
