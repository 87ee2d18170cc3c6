import { encode } from './messagepack.js';

/** A record as both sides write it: the fourteen parts; one of codec 2 has one more. */
export function parts(over: Readonly<Record<number, unknown>> = {}, more: readonly unknown[] = []): unknown[] {
  const record: unknown[] = [
    1,
    'update',
    'Product',
    '5',
    '6',
    new Map([['name', '"Größe \ufffd"']]),
    new Map([['stock', '-3']]),
    new Map([['name', '"old"']]),
    1,
    2,
    1_700_000_000_000,
    1,
    0,
    0,
  ];
  for (const [at, value] of Object.entries(over)) record[Number(at)] = value;
  return [...record, ...more];
}

/** Values that no part should have, or that only look as if they were right. */
const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  2,
  99,
  -1,
  0.5,
  -0,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  9_007_199_254_740_991,
  9_007_199_254_740_992,
  2n ** 63n,
  2n ** 64n - 1n,
  -(2n ** 63n),
  '',
  'conflict',
  'replace',
  'toString',
  '0',
  '00',
  '-0',
  '-1',
  '+1',
  '1.0',
  ' 1',
  '1\n',
  '9223372036854775807',
  '9999999999999999999',
  '10000000000000000000',
  'a'.repeat(300),
  Buffer.from('update'),
  Buffer.from('5'),
  Buffer.from('ff', 'hex'),
  Buffer.from('eda080', 'hex'),
  Buffer.alloc(0),
  [],
  [null],
  [null, null],
  ['name', '1'],
  [[[[[[[[]]]]]]]],
  new Map(),
  new Map<unknown, unknown>([['stock', '1']]),
  new Map<unknown, unknown>([['stock', null]]),
  new Map<unknown, unknown>([[null, '1']]),
  new Map<unknown, unknown>([[1, '1']]),
  new Map<unknown, unknown>([['1', 1]]),
  new Map<unknown, unknown>([[Buffer.from('stock'), Buffer.from('1')]]),
  new Map<unknown, unknown>([['__proto__', '1']]),
  new Map<unknown, unknown>([
    ['constructor', '1'],
    ['toJSON', '2'],
  ]),
  new Map<unknown, unknown>([['stock', '-0']]),
  new Map<unknown, unknown>([['stock', '1e5']]),
  new Map<unknown, unknown>([['stock', new Map()]]),
  new Map<unknown, unknown>([[new Map(), '1']]),
  new Map<unknown, unknown>([['name', text('ff')]]),
  new Map<unknown, unknown>([[text('c3'), text('a9')]]),
  new Map<unknown, unknown>([[text('e282'), '1']]),
  new Map<unknown, unknown>([['name', text('eda080')]]),
  new Map<unknown, unknown>([['name', text('f4908080')]]),
  new Map<unknown, unknown>([['name', text('c080')]]),
  new Map<unknown, unknown>([['name', text('efbfbd')]]),
  new Map<unknown, unknown>([['name', text('efbfbdff')]]),
  text('55706461746580'),
];

/** A text of any bytes. */
function text(hex: string): { readonly raw: Buffer } {
  const bytes = Buffer.from(hex, 'hex');
  return { raw: Buffer.concat([Buffer.from([0xa0 + bytes.length]), bytes]) };
}

/** Byte strings that may stand where a record does, each with what it is. Always the same ones. */
export function* corpus(): Generator<readonly [string, Buffer]> {
  const good = encode(parts());
  yield ['a record', good];
  yield ['nothing', Buffer.alloc(0)];
  for (const value of ODD) yield [`only ${show(value)}`, encode(value)];
  for (let at = 0; at < 14; at += 1)
    for (const value of ODD) yield [`part ${at} is ${show(value)}`, encode(parts({ [at]: value }))];
  for (const value of ODD) yield [`a fifteenth part ${show(value)}`, encode(parts({}, [value]))];
  for (const value of [...ODD, 'drop', 'dropped', new Map([['name', '"made"']])])
    yield [`a fifteenth part of codec 2 ${show(value)}`, encode(parts({ 0: 2 }, [value]))];
  const making = encode(parts({ 0: 2 }, [new Map([['name', '"Größe \ufffd"']])]));
  for (let bit = 0; bit < making.length * 8; bit += 1) yield [`bit ${bit} turned of codec 2`, flipped(making, bit)];
  for (const value of ODD) yield [`behind it ${show(value)}`, Buffer.concat([good, encode(value)])];
  for (let length = 0; length < 14; length += 1) yield [`${length} parts`, encode(parts().slice(0, length))];
  for (let length = 0; length < good.length; length += 1) yield [`its first ${length} bytes`, good.subarray(0, length)];
  for (let bit = 0; bit < good.length * 8; bit += 1) yield [`bit ${bit} turned`, flipped(good, bit)];
  for (const head of ['dc000e', 'dd0000000e', 'de0007', '8e']) yield [`it begins with ${head}`, headed(good, head)];
  for (let byte = 0; byte < 256; byte += 1) yield [`one byte ${byte}`, Buffer.from([byte])];
  for (let byte = 0xc0; byte < 0xe0; byte += 1) yield [`part 5 is of type ${byte}`, headOf(byte)];
  // What the decoder of this side gives a meaning of its own: definitions of structures, of references, of bundled
  // texts.
  for (const word of ['d472', 'd46400', 'd56241', 'd69400', 'd47240', 'c1', 'd46900', 'd47000', 'd40000'])
    for (const behind of ['', '93a161a162a163', '9fa1619040', '4040'])
      yield [`${word} and ${behind}`, Buffer.from(`${word}${behind}`, 'hex')];
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

function headed(bytes: Buffer, head: string): Buffer {
  return Buffer.concat([Buffer.from(head, 'hex'), bytes.subarray(1)]);
}

/** A record one part of which begins with a type byte, with some bytes behind it. */
function headOf(byte: number): Buffer {
  return encode(parts({ 5: { raw: Buffer.from([byte, 1, 0x72, 1, 1, 1, 1, 1, 1, 1]) } }));
}

function show(value: unknown): string {
  if (value instanceof Map)
    return `a map of ${[...value].map(([name, entry]) => `${show(name)}: ${show(entry)}`).join()}`;
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`;
  if (value !== null && typeof value === 'object') return `text ${(value as { raw: Buffer }).raw.toString('hex')}`;
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 30)) : String(value);
}
