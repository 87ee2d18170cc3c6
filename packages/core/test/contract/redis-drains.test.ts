import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { rowKeyOf, type RowKey } from '../../src/change/row-key.js';
import type { StagingStore } from '../../src/staging/staging-store.js';
import { RedisConnection } from '../../src/staging/redis/connection.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { RedisDue } from '../../src/staging/redis/redis-due.js';
import { ShardScripts } from '../../src/staging/redis/shard-scripts.js';
import { LATER } from '../../src/testing/contract/bench.js';
import { stageOne } from '../../src/testing/contract/one-unit.js';

const rulesOf = (debounceMs: number) => ({ Product: { ...LATER, maxPending: 10_000, debounceMs } });

function incremented(rowKey: RowKey): Change {
  return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { n: '1' }, originals: {} };
}

/** More than a drain looks at in one call. */
const MANY = 2_500;

const MEANWHILE: Readonly<Record<string, (store: StagingStore, row: RowKey) => Promise<unknown>>> = {
  'is claimed': async (store, row) => store.claim(0, { token: 'T1', predecessor: 'T0', limit: 1, rows: [row] }),
  'becomes due earlier': async (store, row) =>
    stageOne(store, { shard: 0, id: 'sooner', changes: [incremented(row)], rules: rulesOf(0) }),
};

test.each(Object.entries(MEANWHILE))(
  'a row that %s while a drain is still looking for rows is waited for (H12)',
  async (_name, act) => {
    const settings = { namespace: freshNamespace(), shards: 1 };
    const store = await openRedisStaging({ redis: sharedRedisUrl(), ...settings });
    const connection = await RedisConnection.open(sharedRedisUrl(), 2_000);
    try {
      await store.adopt(0, 'T0');
      const rowOf = (table: string, key: number): RowKey => rowKeyOf({ schema: 'public', table, key: [String(key)] });
      const last = rowOf('product', 0);
      const rows = [...Array.from({ length: MANY }, (_, key) => rowOf('other', key)), last];
      for (const [number, rowKey] of rows.entries()) {
        if (number % 500 !== 0 && rowKey !== last) continue;
        const part = rowKey === last ? [last] : rows.slice(number, Math.min(number + 500, MANY));
        await stageOne(store, {
          shard: 0,
          id: `call-${number}`,
          changes: part.map(incremented),
          rules: rulesOf(600_000 + number),
        });
      }

      const scripts = new ShardScripts(connection, settings.namespace, settings.shards, { epoch: '1' });
      const ask = scripts.act.bind(scripts);
      let parts = 0;
      scripts.act = async (name, asked) => {
        const reply = await ask(name, asked);
        if (name === 'dueMake' && ++parts === 1) await act(store, last);
        return reply;
      };
      const due = new RedisDue(scripts);
      const watermarks = await due.make({ kind: 'tables', tables: [{ schema: 'public', table: 'product' }] });
      expect(parts).toBeGreaterThan(1);
      expect(await due.pending(watermarks)).toEqual(new Map([[0, 'untried']]));
      const claim = await store.claim(0, { token: 'T1', predecessor: 'T0', limit: MANY });
      expect(claim).toMatchObject({ status: 'batch' });
      await store.acknowledge(0, 'T1', new Map(), []);
      expect(await due.pending(watermarks)).toEqual(new Map());
    } finally {
      await connection.close();
      await store.close();
    }
  },
);
