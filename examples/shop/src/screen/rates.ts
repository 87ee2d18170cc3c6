import type { Snapshot } from '../run/snapshot.js';

/** Per second, between two moments. */
export interface Rates {
  readonly saves: number;
  readonly rows: number;
}

export function ratesBetween(before: Snapshot, now: Snapshot): Rates {
  const passed = now.seconds - before.seconds;
  const rate = (figure: keyof Rates): number => (passed > 0 ? (now[figure] - before[figure]) / passed : 0);
  return { saves: rate('saves'), rows: rate('rows') };
}
