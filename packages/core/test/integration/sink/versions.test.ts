import { afterAll, expect, test } from 'vitest';
import { utcWallTime } from '../../../src/sink/postgres/sql/wall-time.js';
import { column, key, SinkFixture, table, type Staged } from './fixture.js';

const TYPES = [
  'timestamptz(3)',
  'timestamp(3) with time zone',
  'timestamp(3)',
  'timestamp(3) without time zone',
  'bigint',
];
const nameOf = (type: string) => `t${TYPES.indexOf(type)}`;

const tables = TYPES.map((type) =>
  table(
    nameOf(type),
    { text: 'text' },
    { version: { column: column('version', type), kind: type === 'bigint' ? 'integer' : 'date' } },
  ),
);
const fixture = await SinkFixture.create(
  TYPES.map((type) => `create table ${nameOf(type)} (id int primary key, text text, version ${type})`).join('; '),
  tables,
  { wallTime: utcWallTime },
);
afterAll(() => fixture[Symbol.asyncDispose]());

/** Milliseconds that a double cannot hold as seconds, on both sides of 1970 and of the epoch of PostgreSQL. */
const MOMENTS = [0, 1, 946_684_800_123, 1_709_208_000_001, 1_709_208_000_999, 4_102_444_799_999, 253_402_300_799_997];

test.each(TYPES)('a version of type %s goes there and back to the millisecond', async (type) => {
  const rowKey = key(nameOf(type), '1');
  for (const ms of MOMENTS) {
    const [base, version] = [String(ms), String(ms + 1)];
    const update: Staged = { kind: 'update', base, version, values: { text: '"x"' } };
    expect(await fixture.one(rowKey, { kind: 'insert', version: base })).toEqual({ kind: 'applied' });
    expect(await fixture.one(rowKey, update)).toEqual({ kind: 'applied' });
    const raised = String(ms + 2);
    expect(await fixture.one(rowKey, update)).toMatchObject({ kind: 'buried', code: 'CONFLICT', version: raised });
    expect(await fixture.one(rowKey, { kind: 'delete', base: raised })).toEqual({ kind: 'applied' });
  }
});

test.each(TYPES)('an upsert raises a version of type %s from what it is', async (type) => {
  const rowKey = key(nameOf(type), '2');
  await fixture.one(rowKey, { kind: 'upsert', version: '1709208000000', values: { text: '"a"' } });
  expect(await fixture.one(rowKey, { kind: 'upsert', version: '1709100000000' })).toEqual({
    kind: 'version',
    version: '1709208000001',
  });
  expect(await fixture.one(rowKey, { kind: 'upsert', values: { text: '"b"' } })).toEqual({
    kind: 'version',
    version: '1709208000002',
  });
});

test('a timestamp without time zone holds the wall time of the platform', async () => {
  await fixture.one(key(nameOf('timestamp(3)'), '3'), { kind: 'insert', version: '1709208000123' });
  expect(await fixture.rows(`select version::text from ${nameOf('timestamp(3)')} where id = 3`)).toEqual([
    { version: '2024-02-29 12:00:00.123' },
  ]);
});
