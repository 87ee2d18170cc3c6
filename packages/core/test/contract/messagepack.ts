/**
 * MessagePack of anything, valid as a record or not: what the codec itself would not write. `{ raw }` is taken as it
 * is.
 */
export function encode(value: unknown): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'string') return sized(Buffer.from(value), 0xa0, 31, 0xda);
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 128 && !Object.is(value, -0) ? small(value) : float(value);
  if (typeof value === 'bigint') return big(value);
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from([0xc4, value.length]), value]);
  if (Array.isArray(value)) return list(0x90, 0xdc, value.length, value);
  if (value instanceof Map) return list(0x80, 0xde, value.size, [...(value as Map<unknown, unknown>)].flat(1));
  return (value as { readonly raw: Buffer }).raw;
}

function small(value: number): Buffer {
  return value >= -32 ? Buffer.from([value & 0xff]) : Buffer.from([0xd0, value & 0xff]);
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function big(value: bigint): Buffer {
  const bytes = Buffer.alloc(9, value < 0n ? 0xd3 : 0xcf);
  if (value < 0n) bytes.writeBigInt64BE(value, 1);
  else bytes.writeBigUInt64BE(value, 1);
  return bytes;
}

function sized(bytes: Buffer, short: number, longest: number, wide: number): Buffer {
  const head = Buffer.from(
    bytes.length <= longest ? [short + bytes.length] : [wide, bytes.length >> 8, bytes.length & 0xff],
  );
  return Buffer.concat([head, bytes]);
}

function list(short: number, wide: number, length: number, values: readonly unknown[]): Buffer {
  const head = Buffer.from(length < 16 ? [short + length] : [wide, length >> 8, length & 0xff]);
  return Buffer.concat([head, ...values.map(encode)]);
}
