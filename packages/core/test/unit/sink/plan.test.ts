import { expect, test } from 'vitest';
import type { RecordKind, StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import { plan } from '../../../src/sink/postgres/plan/plan.js';
import { TableMap } from '../../../src/sink/postgres/plan/table-map.js';
import type { Table } from '../../../src/sink/table.js';
import type { Batch } from '../../../src/staging/flush-side.js';

function table(name: string, order: number): Table {
  const column = (property: string) => ({ property, name: property, type: 'integer', read: 'direct' as const });
  return {
    entity: name,
    schema: 'public',
    name,
    key: [column('id')],
    columns: { a: column('a'), n: column('n') },
    version: { column: column('version'), kind: 'integer' },
    counters: { n: 0 },
    references: [],
    order,
    detect: 'version',
    conflict: { kind: 'dead-letter' },
    retry: { attempts: 5, minDelayMs: 1, maxDelayMs: 2 },
  };
}
const tables = new TableMap([table('parent', 1), table('child', 2)]);

function key(name: string, id: string): RowKey {
  return rowKeyOf({ schema: 'public', table: name, key: [id] });
}

function record(kind: RecordKind, more: Partial<StagedRecord> = {}): StagedRecord {
  return {
    kind,
    entity: 'x',
    values: {},
    deltas: {},
    originals: {},
    first: 1,
    last: 1,
    firstAtMs: 0,
    merged: 1,
    attempts: 0,
    doubtful: false,
    ...more,
  };
}

function batch(token: string, records: readonly (readonly [RowKey, StagedRecord])[]): Batch {
  return {
    shard: 0,
    token,
    predecessor: '',
    attempts: 1,
    claimedAtMs: 1_000_000_000,
    records: new Map(records),
    unreadable: new Map(),
  };
}

const shown = (batches: readonly Batch[]) =>
  plan(batches, tables).groups.map(
    (group) => `${group.kind} ${group.table.name} ${group.items.map((item) => item.key[0]).join()}`,
  );

test('rows are made parents first, then updated, then deleted children first', () => {
  const kinds: readonly RecordKind[] = ['delete', 'increment', 'update', 'replace', 'upsert', 'insert'];
  const records = ['child', 'parent'].flatMap((name) =>
    kinds.map((kind, id) => [key(name, String(id)), record(kind)] as const),
  );
  expect(shown([batch('t', records)])).toEqual([
    'replace parent 3',
    'upsert parent 4',
    'insert parent 5',
    'replace child 3',
    'upsert child 4',
    'insert child 5',
    'increment parent 1',
    'update parent 2',
    'increment child 1',
    'update child 2',
    'delete child 0',
    'delete parent 0',
  ]);
});

test('updates share a statement whatever they change; inserts only if they have the same properties', () => {
  const values = [{ a: '1' }, { n: '1' }, { a: '2' }, { n: '2', a: '2' }, { a: '3', n: '3' }];
  const of = (kind: RecordKind) =>
    shown([
      batch(
        't',
        values.map((each, id) => [key('parent', String(id)), record(kind, { values: each })]),
      ),
    ]);
  expect(of('update')).toEqual(['update parent 0,1,2,3,4']);
  expect(of('insert')).toEqual(['insert parent 0,2', 'insert parent 1', 'insert parent 3,4']);
});

test('records of several batches are written together, sorted by key', () => {
  const one = batch('t1', [
    [key('parent', 'b'), record('update')],
    [key('parent', 'd'), record('update')],
  ]);
  const two = batch('t2', [
    [key('parent', 'c'), record('update')],
    [key('parent', 'a'), record('update')],
  ]);
  expect(shown([one, two])).toEqual(['update parent a,b,c,d']);
  expect(plan([one, two], tables).groups[0]?.items.map(({ token }) => token)).toEqual(['t2', 't1', 't2', 't1']);
});

test('what cannot be planned is set apart, each for its reason', () => {
  const planned = plan(
    [
      {
        ...batch('t', [
          ['nonsense' as RowKey, record('insert')],
          [key('elsewhere', '1'), record('insert', { attempts: 3 })],
          [key('parent', '1'), record('insert', { values: { unknown: '1' } })],
          [key('parent', '2'), record('update', { originals: { unknown: '1' } })],
          [key('parent', '3'), record('increment', { deltas: { a: '1' } })],
          [key('parent', '4'), record('increment', { deltas: { n: '1.5' } })],
          [key('parent', '5'), record('update', { version: '1; drop' })],
          [key('parent', '6'), record('update', { base: '-1' })],
          [rowKeyOf({ schema: 'public', table: 'parent', key: ['1', '2'] }), record('update')],
          [key('parent', '7'), record('insert', { values: { id: '7', version: '1', a: '1' } })],
        ]),
        unreadable: new Map([[key('parent', '9'), 'bad bytes']]),
      },
    ],
    tables,
  );
  expect(planned.unreadable.map(({ reason }) => reason)).toEqual(['bad bytes', 'The row key cannot be read.']);
  expect(planned.strangers).toMatchObject([{ address: { table: 'elsewhere' }, attempts: 3 }]);
  expect(planned.misfits.map(({ item }) => item.key.join())).toEqual(['1', '2', '3', '4', '5', '6', '1,2']);
  expect(planned.groups.flatMap(({ items }) => items.map(({ key: [id] }) => id))).toEqual(['7']);
});
