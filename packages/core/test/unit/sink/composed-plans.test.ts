import { expect, test } from 'vitest';
import type { StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { ComposedPlans } from '../../../src/sink/postgres/apply/composed-plans.js';
import { statementOf } from '../../../src/sink/postgres/apply/write-rows.js';
import { plan } from '../../../src/sink/postgres/plan/plan.js';
import { TableMap } from '../../../src/sink/postgres/plan/table-map.js';
import { utcWallTime } from '../../../src/sink/postgres/sql/wall-time.js';
import type { Batch } from '../../../src/staging/flush-side.js';
import { item, product } from './item.js';

function batchOf(token: string, ...records: readonly Partial<StagedRecord>[]): Batch {
  const rows = records.map((more, index) => {
    const key = rowKeyOf({ schema: product.schema, table: product.name, key: [String(index)] });
    return [key, item(String(index), more).record] as const;
  });
  const head = { shard: 0, token, predecessor: 'origin', attempts: 1, claimedAtMs: 1_000 };
  return { ...head, records: new Map(rows), unreadable: new Map() };
}

const named = { values: { name: '"tea"' }, base: '1', version: '2' };

function composing(): { readonly tables: TableMap; readonly composed: ComposedPlans } {
  const tables = new TableMap([product]);
  return { tables, composed: new ComposedPlans(tables, utcWallTime) };
}

test('a composed plan is the plan of its batches, with the statements of groups that need no decision', () => {
  const { tables, composed } = composing();
  const batches = [batchOf('T1', named, named), batchOf('T2', { kind: 'delete', base: '3' })];
  composed.compose(batches);
  const [updates, deletes] = composed.of([...batches]).groups;
  const [planned] = plan(batches, tables).groups;
  expect(updates?.items).toEqual(planned?.items);
  expect(updates?.statement).toEqual(statementOf('update', updates?.items ?? [], utcWallTime));
  expect(deletes?.statement?.json).toContain('"k0":"0"');
});

test('it is not the plan of other batches, of some of them, or of more', () => {
  const { composed } = composing();
  const [first, second] = [batchOf('T1', named), batchOf('T2', named)];
  composed.compose([first, second]);
  for (const others of [[first], [second], [second, first], [first, second, batchOf('T3', named)], [{ ...first }]])
    expect(composed.of(others).groups[0]?.statement).toBeUndefined();
  expect(composed.of([first, second]).groups[0]?.statement).toBeDefined();
});

test('it ends when the tables change', () => {
  const { tables, composed } = composing();
  const batches = [batchOf('T1', named)];
  composed.compose(batches);
  tables.noteDeferrableKey(product);
  expect(composed.of(batches).groups[0]?.statement).toBeUndefined();
  composed.compose(batches);
  tables.replace([{ ...product, columns: {} }]);
  expect(composed.of(batches).misfits).toHaveLength(1);
});

test('rows that were refused before, or whose base was overruled, have no statement in advance', () => {
  const { composed } = composing();
  for (const more of [{ attempts: 1 }, { base: 'conflict' }]) {
    const batches = [batchOf('T1', named, { ...named, ...more })];
    composed.compose(batches);
    expect(composed.of(batches).groups.map(({ statement }) => statement)).toEqual([undefined]);
  }
});
