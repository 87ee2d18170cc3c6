import { redis } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { rowKeyOf, type RowKey } from '../../src/change/row-key.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { LATER } from '../../src/testing/contract/bench.js';
import { stageOne } from '../../src/testing/contract/one-unit.js';

/** More than a function, or a script of Redis, takes as arguments. */
const MANY = 300_000;

test(`${MANY} rows of one shard are asked for, made due and forgotten`, { timeout: 300_000 }, async () => {
  // Scripts over so many rows run for seconds. A shared Redis would refuse the commands of other files as BUSY.
  await using server = await redis();
  const store = await openRedisStaging({ redis: server.url, shards: 1, commandTimeoutMs: 60_000 });
  try {
    await store.adopt(0, 'T0');
    const keys = Array.from({ length: MANY }, (_, key) => rowKeyOf({ schema: '', table: 'tick', key: [String(key)] }));
    const last = keys.at(-1) as RowKey;
    const change = { kind: 'increment', entity: 'Tick', rowKey: last, values: {}, deltas: { n: '1' } } as const;
    await stageOne(store, { shard: 0, id: 'one', changes: [{ ...change, originals: {} }], rules: { Tick: LATER } });

    expect([...(await store.peek(keys)).keys()]).toEqual([last]);
    const watermarks = await store.due.make({ kind: 'rows', keys });
    expect(await store.due.pending(watermarks)).toEqual(new Map([[0, 'untried']]));
    const settlements = await store.settled(keys.map(() => ({ rowKey: last, sequence: 1, since: '' })));
    expect(settlements.at(-1)).toEqual({ status: 'pending' });
    await store.forget(keys);
    const { status } = await store.claim(0, { token: 'T1', predecessor: 'T0', limit: MANY, rows: keys });
    expect(status).toBe('batch');
  } finally {
    await store.close();
  }
});
