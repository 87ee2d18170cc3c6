import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeFirst,
  decodeRecord,
  encodePlain,
  encodeRecord,
  UnreadableRecord,
} from '../../../src/change/record-codec.js';
import type { RecordKind, StagedRecord } from '../../../src/change/record.js';
import { makeRecord } from './make-record.js';

/** Records as they lie in somebody's Redis: these bytes must be read for ever. */
const ADA = makeRecord({
  base: '5',
  version: '6',
  values: { name: '"Ada"' },
  deltas: { stock: '-3' },
  last: 4,
  firstAtMs: 1_700_000_000_000,
  merged: 4,
  doubtful: true,
});
const WRITTEN_BY_NODE =
  '9e01a6757064617465a750726f64756374a135a13681a46e616d65a5224164612281a573746f636ba22d33800104cb4278bcfe56800000040001';
const WRITTEN_BY_LUA =
  '9e01a6757064617465a750726f64756374a135a13681a46e616d65a5224164612281a573746f636ba22d33900104cf0000018bcfe56800040001';
const HOSTILE_NAME =
  '9e01a6696e73657274a9c39c6ec3af636f6465a0a082a95f5f70726f746f5f5fa131a46c6f6e67d92a2278787878787878787878787878787878787878787878787878787878787878787878787878787878228080cd012cce0001117000020100';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function unreadable(bytes: Uint8Array): UnreadableRecord {
  try {
    decodeRecord(bytes);
  } catch (error) {
    if (error instanceof UnreadableRecord) return error;
    throw error;
  }
  throw new Error('The bytes were read');
}

describe('a record at rest', () => {
  test('is written as it always was', () => {
    expect(encodeRecord(ADA).toString('hex')).toBe(WRITTEN_BY_NODE);
  });

  test('is read, whoever has written it', () => {
    expect(decodeRecord(hex(WRITTEN_BY_NODE))).toEqual(ADA);
    expect(decodeRecord(hex(WRITTEN_BY_LUA))).toEqual(ADA);
  });

  test('may have properties of any name, which stay properties', () => {
    const { values, entity } = decodeRecord(hex(HOSTILE_NAME));
    expect(entity).toBe('Ünïcode');
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '__defineGetter__'])
      expect(name in values).toBe(false);
    expect(Object.getPrototypeOf(Object.getPrototypeOf(values))).toBeNull();
    expect(Object.keys(values)).toEqual(['__proto__', 'long']);
    expect(values['__proto__']).toBe('1');
  });

  test('comes back as it was', () => {
    const texts = fc.dictionary(fc.string({ unit: 'binary' }), fc.string(), { maxKeys: 20 });
    const difference = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
    const differences = fc.dictionary(fc.string({ unit: 'binary' }), difference, { maxKeys: 5 });
    const count = fc.maxSafeNat();
    const kinds: readonly RecordKind[] = ['insert', 'update', 'upsert', 'replace', 'delete', 'increment'];
    const version = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String);
    const record: fc.Arbitrary<StagedRecord> = fc.record(
      {
        kind: fc.constantFrom(...kinds),
        entity: fc.string(),
        base: fc.oneof(version, fc.constant('conflict')),
        version,
        values: texts,
        deltas: differences,
        originals: texts,
        first: count,
        last: count,
        firstAtMs: count,
        merged: count,
        attempts: count,
        doubtful: fc.boolean(),
        missing: fc.oneof(fc.constant('drop' as const), fc.record({ create: texts })),
      },
      {
        requiredKeys: [
          'kind',
          'entity',
          'values',
          'deltas',
          'originals',
          'first',
          'last',
          'firstAtMs',
          'merged',
          'attempts',
          'doubtful',
        ],
      },
    );
    fc.assert(
      fc.property(record, (given) => {
        expect(decodeRecord(encodeRecord(given))).toEqual(given);
      }),
    );
  }, 60_000);

  test('costs little more than its values', () => {
    const values = { name: '"Ada"', price: '12.50' };
    const content = Object.entries(values).join('').length;
    expect(
      encodeRecord(makeRecord({ base: '5', version: '6', values, firstAtMs: 1_700_000_000_000 })).byteLength - content,
    ).toBeLessThan(60);
  });

  test('is refused with a reason when a newer release has written it', () => {
    const newer = encodePlain([3, 'update', 'Product', 'something', 'else']);
    expect(unreadable(newer)).toMatchObject({
      reason: 'newer-codec',
      message: 'Record of codec 3; this release reads up to 2',
    });
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', hex('c1ff00')],
    ['a record cut short', hex(WRITTEN_BY_NODE).subarray(0, 30)],
    ['another thing', encodePlain('update')],
    [
      'an unknown kind',
      encodePlain([1, 'truncate', 'Product', '', '', new Map(), new Map(), new Map(), 1, 1, 1, 1, 0, 0]),
    ],
    [
      'values that are no texts',
      encodePlain([1, 'update', 'Product', '', '', new Map([['a', 1]]), new Map(), new Map(), 1, 1, 1, 1, 0, 0]),
    ],
    ['a missing part', encodePlain([1, 'update', 'Product', '', ''])],
  ])('is refused as garbage when it is %s', (_, bytes) => {
    expect(unreadable(bytes).reason).toBe('garbage');
  });

  test('may be any bytes, and is then a record or unreadable, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(unreadable(bytes)).toBeInstanceOf(UnreadableRecord);
      }),
    );
  });
});

test('the first of two values is told from the bytes behind it', () => {
  const rest = hex('c1c1');
  expect(decodeFirst(Buffer.concat([encodePlain(['a', 1]), rest]))).toEqual({ value: ['a', 1], rest });
});
