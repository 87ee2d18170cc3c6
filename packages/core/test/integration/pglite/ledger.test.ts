import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tokenAfter } from '../../../src/change/token.js';
import type { CallerQuery, ChangeSink } from '../../../src/sink/change-sink.js';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';
import type { SharedConnection } from '../../../src/sink/shared-connection.js';

let pglite: PGlite;
let sink: ChangeSink;
/** Whether the application's transaction has the connection. */
let isInside = false;

const query: CallerQuery = async (text, values) => (await pglite.query<object>(text, [...values])).rows;

const shared: SharedConnection = {
  get inside() {
    return isInside ? { alone: async <T>(act: (asked: CallerQuery) => Promise<T>) => act(query) } : undefined;
  },
  use: async (act) => act(query),
  begin: async () => {
    await pglite.query('begin');
    return {
      query,
      commit: async () => void (await pglite.query('commit')),
      rollback: async () => void (await pglite.query('rollback')),
    };
  },
};

beforeAll(async () => {
  pglite = await PGlite.create();
  sink = openPostgresSink({ connection: {}, shared, poolSize: 1, tables: [], namespace: 'test' });
  await sink.prepare(4, true);
});

afterAll(() => pglite.close());

/** Runs in a transaction of the application. */
async function inside<T>(act: () => Promise<T>): Promise<T> {
  await pglite.query('begin');
  isInside = true;
  try {
    return await act();
  } finally {
    isInside = false;
    await pglite.query('commit');
  }
}

test('a batch that a transaction has entered counts as committed when it has ended, and not before', async () => {
  const { token, before } = await inside(async () => {
    const joined = sink.join(query);
    const entered = await joined.attempt(async (part) => {
      const next = tokenAfter((await part.lock(1, 0)) ?? '');
      await part.enter({ shard: 1, token: next }, new Map());
      return next;
    });
    return { token: entered, before: await sink.outcomes([entered]) };
  });
  expect(before).toEqual(new Map());
  expect([...(await sink.outcomes([token])).keys()]).toEqual([token]);
  expect(await inside(async () => [...(await sink.outcomes([token])).keys()])).toEqual([token]);
});

test('a hold is running for its own transaction, and for nobody else', async () => {
  const { hold, before } = await inside(async () => {
    const joined = sink.join(query);
    const { name: transaction } = await joined.begin();
    await joined.enterHold('hold');
    const made = { id: 'hold', transaction };
    return { hold: made, before: await sink.endings([made]) };
  });
  expect(before).toEqual(new Map([['hold', { kind: 'running' }]]));
  const after = new Map([['hold', { kind: 'committed', written: [] }]]);
  expect(await sink.endings([hold])).toEqual(after);
  expect(await inside(async () => sink.endings([hold]))).toEqual(after);
  const lost = { id: 'lost', transaction: '9999999999' };
  expect(await inside(async () => sink.endings([lost]))).toEqual(new Map([['lost', { kind: 'dropped' }]]));
});

test('a transaction that has failed is not taken for one that was committed', async () => {
  const transaction = await sink.begin([0, 1, 2, 3]);
  expect([...transaction.locked.keys()]).toEqual([0, 1, 2, 3]);
  await expect(pglite.query('select 1 / 0')).rejects.toThrow('division by zero');
  await expect(transaction.commit()).rejects.toThrow('25P02');
  await transaction[Symbol.asyncDispose]();
  expect(await pglite.query('select 1 as one')).toMatchObject({ rows: [{ one: 1 }] });
});

test('a shard cannot be waited for inside, and old rows of the ledger are removed', async () => {
  await inside(async () => expect(sink.beginExclusive([0])).rejects.toMatchObject({ code: 'ONE_CONNECTION' }));
  expect(await sink.prune(-1_000, [])).toBe(1);
});
