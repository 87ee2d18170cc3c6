import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { StagingStore } from '../../src/staging/staging-store.js';
import { Bench } from '../../src/testing/contract/bench.js';

const security = readFileSync(new URL('../../../../SECURITY.md', import.meta.url), 'utf8');
const [, listed = ''] = /^ACL SETUSER .* (nocommands .*)$/mu.exec(security) ?? [];
const admin = new Redis(sharedRedisUrl());
afterAll(async () => void (await admin.quit()));

/** A store of a user that has the rights which SECURITY.md lists, but for some. */
async function storeOf(without: readonly string[], seenMs = 60_000): Promise<{ store: StagingStore; bench: Bench }> {
  const namespace = freshNamespace();
  const rights = listed.split(' ').filter((right) => !without.includes(right));
  await admin.call('ACL', 'SETUSER', namespace, 'on', '>secret', 'resetkeys', `~{${namespace}:*`, ...rights);
  const url = new URL(sharedRedisUrl());
  url.username = namespace;
  url.password = 'secret';
  const store = await openRedisStaging({
    shards: Bench.shards,
    redis: url.href,
    namespace,
    seenMs,
    acceptVolatile: true,
  });
  await store.adopt(0, 'T0');
  return { store, bench: new Bench(store) };
}

test('the rights that SECURITY.md lists are enough for copies of rows', async () => {
  const { store, bench } = await storeOf([]);
  const table = { schema: 'public', table: 'product' };
  expect(await bench.stage({ kind: 'insert' })).toMatchObject({ status: 'staged' });
  await bench.flush();
  const answer = (await store.cache.look(table, [bench.row(1)])).get(bench.row(1));
  expect(answer?.kind).toBe('ticket');
  const ticket = answer?.kind === 'ticket' ? answer.ticket : '';
  await store.cache.keep(table, [{ rowKey: bench.row(1), ticket, bytes: new Uint8Array([1]) }], 60_000);
  expect((await store.cache.look(table, [bench.row(1)])).get(bench.row(1))?.kind).toBe('copy');
  await store.close();
});

test('a call that is refused for a right which is missing has staged nothing', async () => {
  const { store, bench } = await storeOf(['+rename'], 1);
  let accepted = 0;
  for (let tries = 0; tries < 20; tries += 1) {
    const staged = bench.stage({ kind: 'increment', deltas: { stock: '1' } });
    accepted += await staged.then(
      () => 1,
      () => 0,
    );
  }
  expect(accepted).toBeLessThan(20);
  expect((await bench.dirty())?.deltas['stock'] ?? '0').toBe(String(accepted));
  await store.close();
});
