import type { Stretch } from '../pace/pace.js';

/** When the pace of each shop is taken. */
export interface Stretches {
  readonly behind: Stretch;
  readonly plain: Stretch;
}

/** The longest that the pace of a shop is taken. */
const longestSeconds = 5;

/**
 * Equal stretches of both shops, with processes of the same age: new ones are slow, until Node has compiled what is
 * called often. So a stretch begins after a moment, and ends before the first process is killed.
 *
 * Embedded, both shops are in one process, and the second finds it warm. The pace of the first one is taken at its end
 * then, where nothing is killed.
 */
export function stretchesOf({
  seconds,
  embedded,
}: {
  readonly seconds: number;
  readonly embedded: boolean;
}): Stretches {
  const length = Math.min(longestSeconds, seconds * 0.25);
  const plain = { after: length * 0.3, seconds: length };
  return { behind: embedded ? { after: seconds - length, seconds: length } : plain, plain };
}
