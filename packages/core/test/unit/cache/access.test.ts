import { expect, test } from 'vitest';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { CacheAccess } from '../../../src/cache/access.js';
import { CacheLine } from '../../../src/cache/line.js';
import type { CacheTrust } from '../../../src/cache/trust.js';
import type { CacheDoubts } from '../../../src/sink/cache-doubts.js';
import { SinkFault } from '../../../src/sink/sink-failure.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';

const PRODUCTS = { schema: 'public', table: 'product' };
const ORDERS = { schema: 'public', table: 'order' };
const keysOf = (table: string) => [rowKeyOf({ schema: 'public', table, key: ['1'] })];

function world(holds: () => boolean | Promise<boolean>) {
  const store = memoryStaging();
  const { cache } = store;
  const looked: string[] = [];
  const watched = {
    ...cache,
    look: async (...[table, keys]: Parameters<typeof cache.look>) => {
      looked.push(table.table);
      return cache.look(table, keys);
    },
  };
  const trust = { holds, isBelieved: (table: typeof ORDERS) => table !== ORDERS };
  const line = new CacheLine({ open: async () => watched, probe: async () => store.probe() });
  return { looked, access: new CacheAccess(line, trust as unknown as CacheTrust, {} as CacheDoubts) };
}

test('R18: trust is asked when each look-up begins, and never taken over from another one', async () => {
  const answers = [true, false, Promise.resolve(true), Promise.resolve(false)];
  let asked = 0;
  const { access, looked } = world(() => answers[asked++] ?? false);
  const found = await Promise.all(answers.map(async () => access.look(PRODUCTS, keysOf('product'))));
  expect(asked).toBe(4);
  expect(found.map((each) => each !== undefined)).toEqual([true, false, true, false]);
  expect(looked).toEqual(['product', 'product']);
});

test('R18: copies of a table that another release writes are not looked at, beside those of others', async () => {
  const { access, looked } = world(() => true);
  const [products, orders] = await Promise.all([
    access.look(PRODUCTS, keysOf('product')),
    access.look(ORDERS, keysOf('order')),
  ]);
  expect(products?.size).toBe(1);
  expect(orders).toBeUndefined();
  expect(looked).toEqual(['product']);
});

test('a database that cannot be asked is no trust, and no failure of the look-up', async () => {
  const { access } = world(async () => {
    throw new SinkFault('away');
  });
  expect(await access.look(PRODUCTS, keysOf('product'))).toBeUndefined();
});
