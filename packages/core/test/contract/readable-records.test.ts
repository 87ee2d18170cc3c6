import { sharedRedisUrl } from '@spillway/test-support';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeRecord, encodeRecord, UnreadableRecord } from '../../src/change/record-codec.js';
import { luaFragment } from '../../src/staging/redis/scripts.js';
import { corpus, parts } from './corpus.js';
import { encode } from './messagepack.js';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const SCRIPT = `${luaFragment('record')}
local found = {}
for index, bytes in ipairs(ARGV) do
  found[index] = decode(bytes) and 1 or 0
end
return found`;

/** Some at a time, so that no script is long. */
async function readInLua(given: readonly Buffer[]): Promise<readonly boolean[]> {
  const found: boolean[] = [];
  for (let from = 0; from < given.length; from += 500)
    found.push(
      ...((await redis.eval(SCRIPT, 0, ...given.slice(from, from + 500))) as number[]).map((one) => one === 1),
    );
  return found;
}

function isReadHere(bytes: Buffer): boolean {
  try {
    decodeRecord(bytes);
    return true;
  } catch (error) {
    if (error instanceof UnreadableRecord) return false;
    throw error;
  }
}

async function disagreements(given: readonly (readonly [string, Buffer])[]): Promise<readonly string[]> {
  const inLua = await readInLua(given.map(([, bytes]) => bytes));
  return given.flatMap(([what, bytes], index) =>
    isReadHere(bytes) === inLua[index] ? [] : [`${what}: ${inLua[index] ? 'read in Lua only' : 'not read in Lua'}`],
  );
}

test('TypeScript and Lua read the same records, and the same bytes are none for both', async () => {
  const given = [...corpus()];
  expect(given.length).toBeGreaterThan(2_000);
  expect(await disagreements(given)).toEqual([]);
});

test('a record that is written is read, and one of codec 0, or of other parts than its codec has, is not', async () => {
  const written = encode(parts());
  const record = decodeRecord(written);
  const others = [parts({ 0: 0 }), parts({ 0: 2 }), parts({}, [0]), parts({}, [null])].map(encode);
  const making = [parts({ 0: 2 }, ['drop']), parts({ 0: 2 }, [new Map([['name', '"made"']])])].map(encode);
  const codec2 = [...making, ...making.map((bytes) => encodeRecord(decodeRecord(bytes)))];
  expect(codec2.map(isReadHere)).toEqual([true, true, true, true]);
  expect(await readInLua(codec2)).toEqual([true, true, true, true]);
  expect([written, encodeRecord(record), ...others].map(isReadHere)).toEqual([true, true, false, false, false, false]);
  expect(await readInLua([written, encodeRecord(record), ...others])).toEqual([true, true, false, false, false, false]);
});

test('what a record is read as, it is read as again once it was written', () => {
  const readable = [...corpus()].filter(([, bytes]) => isReadHere(bytes)).map(([, bytes]) => decodeRecord(bytes));
  expect(readable.length).toBeGreaterThan(100);
  expect(readable.map((record) => decodeRecord(encodeRecord(record)))).toEqual(readable);
});

test('no bytes change how the next ones are read', () => {
  const next = encode(parts({ 8: 64, 9: 127, 12: 100 }));
  const read = [...corpus()].map(([, bytes]) => {
    isReadHere(bytes);
    return decodeRecord(next);
  });
  expect(new Set(read.map((record) => JSON.stringify(record)))).toEqual(new Set([JSON.stringify(decodeRecord(next))]));
});

test('random bytes in the place of some bytes of a record are read by both or by none', async () => {
  const good = encode(parts());
  const damage = fc.array(fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) }), {
    minLength: 1,
    maxLength: 3,
  });
  const given = fc.sample(damage, { numRuns: 5_000, seed: 11 }).map((places) => {
    const bytes = Buffer.from(good);
    for (const { at, byte } of places) bytes.writeUInt8(byte, at);
    return [JSON.stringify(places), bytes] as const;
  });
  expect(await disagreements(given)).toEqual([]);
});
