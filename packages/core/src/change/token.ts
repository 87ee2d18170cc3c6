import { randomBytes } from 'node:crypto';

/**
 * A batch's token: its position in the shard's chain and a random part, `000000000042-9f86d081884c7d65`. The random
 * part makes a token unique, so that it names one batch for ever. The position makes two tokens comparable, which tells
 * a Redis that has lost data from a PostgreSQL that has.
 */
const TOKEN = /^(\d{12})-/;

/** Where every chain begins: the last token of a shard of which no batch has been written. */
export const ORIGIN = 'origin';

/** The token of the batch that follows `predecessor`. */
export function tokenAfter(predecessor: string, random: () => string = randomText): string {
  const position = (positionOf(predecessor) ?? 0) + 1;
  return `${String(position).padStart(12, '0')}-${random()}`;
}

/** 0 for the origin; `undefined` for a text that is no token of ours. */
export function positionOf(token: string): number | undefined {
  if (token === ORIGIN) {
    return 0;
  }
  const digits = TOKEN.exec(token)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function randomText(): string {
  return randomBytes(8).toString('hex');
}
