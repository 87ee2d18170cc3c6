/**
 * `npm run memory`: how much memory of Redis each thing takes that Spillway keeps there, on a private server. The
 * numbers stand in docs/operations.md.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Change } from '../../packages/core/src/change/change.js';
import { rowKeyOf, type RowKey } from '../../packages/core/src/change/row-key.js';
import { openRedisStaging } from '../../packages/core/src/staging/redis/open-redis-staging.js';
import type { StagingStore } from '../../packages/core/src/staging/staging-store.js';
import startSharedServers from '../support/global-setup.js';
import { freshNamespace } from '../support/namespace.js';
import { redis } from '../support/redis.js';

const CALLS = 8_000;
const ROWS = 4_000;
/** On their way at once. */
const TOGETHER = 200;
const AT_ONCE = { debounceMs: 0, maxDelayMs: 0, maxPending: ROWS * 2, maxRecordBytes: 10_000, policy: 'p' };
const TEXT = JSON.stringify('a text of forty bytes, as in many rows..');

const stop = await startSharedServers();
const server = await redis();
const client = new Redis(server.url);
const store = await openRedisStaging({
  redis: server.url,
  namespace: freshNamespace(),
  shards: 1,
  commandTimeoutMs: 60_000,
});
await store.adopt(0, 'origin');
const write = (line: string): void => void process.stdout.write(`${line}\n`);

const row = (number: number): RowKey => rowKeyOf({ schema: 'public', table: 'product', key: [String(number)] });

async function used(): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
}

async function stage(
  to: StagingStore,
  rowKey: RowKey,
  change: Pick<Change, 'kind' | 'deltas' | 'values'>,
): Promise<void> {
  const whole = { entity: 'Product', rowKey, originals: {}, ...change };
  const answer = await to.stage({ id: randomUUID(), units: [{ changes: [whole] }], rules: { Product: AT_ONCE } });
  const [unit] = answer.status === 'judged' ? answer.units : [];
  if (unit?.status !== 'staged') throw new Error(`A change was not staged: ${unit?.status ?? answer.status}`);
}

async function times(count: number, act: (number: number) => Promise<void>): Promise<void> {
  for (let from = 1; from <= count; from += TOGETHER)
    await Promise.all(Array.from({ length: TOGETHER }, async (_, position) => act(from + position)));
}

const counted = { kind: 'increment', values: {}, deltas: { views: '1' } } as const;
const inserted = { kind: 'insert', values: { name: TEXT, views: '0' }, deltas: {} } as const;

await stage(store, row(0), counted);
const empty = await used();
await times(CALLS, async () => stage(store, row(0), counted));
const perCall = ((await used()) - empty) / CALLS;

const before = await used();
await times(ROWS, async (number) => stage(store, row(number), inserted));
const perRow = ((await used()) - before) / ROWS - perCall;

write('| what | bytes of Redis each |');
write('|---|---|');
write(`| a remembered call | ${Math.round(perCall / 10) * 10} |`);
write(`| a pending row of some 100 bytes | ${Math.round(perRow / 10) * 10} |`);
write(`${CALLS + ROWS} calls, ${ROWS + 1} pending rows: ${Math.round(((await used()) - empty) / 2 ** 20)} MB`);

await store.close();
client.disconnect();
await server.stop();
await stop();
