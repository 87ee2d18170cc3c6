/** A Redis Cluster has this many slots. */
export const SLOTS = 16_384;

/** CRC-16 of XMODEM, which Redis takes for slots. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc & 0xffff;
});

/** Goes on from the sum of what stands before. */
function sumOf(bytes: Iterable<number>, before = 0): number {
  let sum = before;
  for (const byte of bytes) sum = ((sum << 8) & 0xffff) ^ (TABLE[(sum >>> 8) ^ byte] ?? 0);
  return sum;
}

/** The slot of all keys with this hash tag. */
export function slotOfTag(tag: string): number {
  return sumOf(Buffer.from(tag)) % SLOTS;
}

/** Shards stand in the middle of as many parts of all slots: servers with slots in a row have even numbers of them. */
export function slotOfShard(shard: number, shards: number): number {
  return Math.floor(((shard + 0.5) * SLOTS) / shards);
}

/**
 * The hash tag of a shard: its name, with the first number behind it that leads to its slot. It must never change: what
 * is staged stands under it.
 */
export function tagOfShard(namespace: string, shard: number, shards: number): string {
  const name = `${namespace}:${shard}:`;
  let sum = sumOf(Buffer.from(name));
  for (let digits = 1; ; digits += 1) {
    // Sums are linear: that of the whole is that of the name with zero bytes behind it, and that of the number alone.
    sum = sumOf([0], sum);
    const number = firstNumbers(digits)[(sum % SLOTS) ^ slotOfShard(shard, shards)] ?? NONE;
    if (number !== NONE) return `${name}${number}`;
  }
}

const NONE = -1;
const FIRST_NUMBERS: Int32Array[] = [];

/** Slot of a number's text -> the first number of so many digits that has it. Made once. */
function firstNumbers(digits: number): Int32Array {
  return (FIRST_NUMBERS[digits] ??= makeFirstNumbers(digits));
}

function makeFirstNumbers(digits: number): Int32Array {
  const found = new Int32Array(SLOTS).fill(NONE);
  for (let number = digits === 1 ? 0 : 10 ** (digits - 1); number < 10 ** digits; number += 1) {
    const slot = slotOfTag(String(number));
    if (found[slot] === NONE) found[slot] = number;
  }
  return found;
}
