import { expect, test } from 'vitest';
import type { StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { applyGroups } from '../../../src/sink/postgres/apply/apply-groups.js';
import { ComposedPlans } from '../../../src/sink/postgres/apply/composed-plans.js';
import { NO_OTHERS } from '../../../src/sink/postgres/apply/context.js';
import { statementOf } from '../../../src/sink/postgres/apply/write-rows.js';
import { KnownNames } from '../../../src/sink/postgres/known-names.js';
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
  expect(updates?.composed?.statement).toEqual(statementOf('update', updates?.items ?? [], utcWallTime));
  expect(deletes?.composed?.statement.json).toContain('"k0":"0"');
});

test('it is not the plan of other batches, of some of them, or of more', () => {
  const { composed } = composing();
  const [first, second] = [batchOf('T1', named), batchOf('T2', named)];
  composed.compose([first, second]);
  for (const others of [[first], [second], [second, first], [first, second, batchOf('T3', named)], [{ ...first }]])
    expect(composed.of(others).groups[0]?.composed).toBeUndefined();
  expect(composed.of([first, second]).groups[0]?.composed).toBeDefined();
});

test('it ends when the tables change', () => {
  const { tables, composed } = composing();
  const batches = [batchOf('T1', named)];
  composed.compose(batches);
  tables.noteDeferrableKey(product);
  expect(composed.of(batches).groups[0]?.composed).toBeUndefined();
  composed.compose(batches);
  tables.replace([{ ...product, columns: {} }]);
  expect(composed.of(batches).misfits).toHaveLength(1);
});

test('rows that were refused before, or whose base was overruled, have no statement in advance', () => {
  const { composed } = composing();
  for (const more of [{ attempts: 1 }, { base: 'conflict' }]) {
    const batches = [batchOf('T1', named, { ...named, ...more })];
    composed.compose(batches);
    expect(composed.of(batches).groups.map(({ composed: made }) => made)).toEqual([undefined]);
  }
});

test('rows that are left out of a composed group are not in the statement that is sent', async () => {
  const parent = { schema: 'shop', table: 'brand' };
  const table = { ...product, references: [{ parts: [{ value: 'name' }], target: parent }] };
  const composed = new ComposedPlans(new TableMap([table]), utcWallTime);
  const batches = [batchOf('T1', named, { ...named, values: { name: '"of no brand yet"' } })];
  composed.compose(batches);
  const early = rowKeyOf({ ...parent, key: ['of no brand yet'] });
  const sent: unknown[] = [];
  const { outcomes } = await applyGroups(composed.of(batches).groups, {
    session: {
      script: async () => [],
      rows: async (_, [json]) => {
        sent.push(json);
        return [['0', '2']];
      },
    },
    names: new KnownNames([table]),
    wallTime: utcWallTime,
    tables: new TableMap([table]),
    pauses: { lengthMs: () => 0 },
    parentsPending: async () => new Set([early]),
    isPart: true,
    othersPending: NO_OTHERS,
    lockWaits: [],
    mayRestart: false,
  });
  expect(sent).toHaveLength(1);
  expect(JSON.parse(String(sent[0]))).toEqual([expect.objectContaining({ k0: '0' })]);
  expect([...outcomes].map(([{ rowKey }, { kind }]) => [rowKey.includes('"1"'), kind])).toEqual([[true, 'again']]);
});
