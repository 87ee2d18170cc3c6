/** How much of the same a test does: `short` in `npm test`, `long` in `npm run test:long` and in a run of its own. */
export function sized<Size>({ short, long }: { readonly short: Size; readonly long: Size }): Size {
  return process.env['SPILLWAY_TESTS'] === 'short' ? short : long;
}
