/** How many scripts Redis runs for a unit of work over ten rows of ten shards: to find the rows, and to flush them. */
import { Redis } from 'ioredis';
import type { OpenSide, Sides } from '../process/side.js';
import { scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { scriptTime } from '../support/redis-time.js';
import { behind, type BehindStand } from '../support/stands.js';

const ROWS = 640;
const AT_ONCE = 10;
const FLUSHES = 64;

export const sides: Sides = {
  'cache on': async (ground) =>
    rounds(
      ground.redisUrl,
      await behind(ground, ROWS, { policy: { cache: { ttl: '1h' } } }),
      scaled(ground, FLUSHES, 1),
    ),
  'cache off': async (ground) => rounds(ground.redisUrl, await behind(ground, ROWS), scaled(ground, FLUSHES, 1)),
};

async function rounds(redisUrl: string, stand: BehindStand, flushes: number): Promise<OpenSide> {
  const { orm, items } = stand;
  const ids = await idsOfShards(stand);
  const redis = new Redis(redisUrl);
  return {
    ...stand,
    async round() {
      const calls = { find: 0, flush: 0 };
      for (let flush = 0; flush < flushes; flush += 1) {
        const em = orm.em.fork();
        const { calls: before } = await scriptTime(redis);
        const found = await em.find(Item, ids);
        const { calls: afterFind } = await scriptTime(redis);
        for (const item of found) item.stock += 1;
        await em.flush();
        const { calls: afterFlush } = await scriptTime(redis);
        calls.find += afterFind - before;
        calls.flush += afterFlush - afterFind;
        for (const id of ids) items.add(id, 'stock', 1);
      }
      await stand.written();
      return { find: calls.find / flushes, flush: calls.flush / flushes };
    },
    async close() {
      redis.disconnect();
      await stand.close();
    },
  };
}

/** Keys of rows of different shards. An event says which shard has accepted a change. */
async function idsOfShards({ service, items, written }: BehindStand): Promise<number[]> {
  const byShard = new Map<number, number>();
  let staged = 0;
  const off = service.on('staged', ({ shard }) => {
    staged = shard;
  });
  for (let id = 1; id <= items.rows && byShard.size < AT_ONCE; id += 1) {
    await service.patch(Item, id, { stock: 0 });
    items.expect(id, { stock: 0 });
    byShard.set(staged, id);
  }
  off();
  await written();
  if (byShard.size === AT_ONCE) return [...byShard.values()];
  throw new Error(`The rows are of ${byShard.size} shards instead of ${AT_ONCE}.`);
}
