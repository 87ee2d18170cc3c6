/**
 * Thin traffic: 2,000 changes a second of rows at random, which spread over all shards. A worker that wrote each of
 * them alone would need 2,000 transactions a second.
 */
import { Redis } from 'ioredis';
import type { Sides } from '../process/side.js';
import { startMember } from '../process/start-member.js';
import { paced } from '../support/callers.js';
import { Item } from '../support/item.js';
import { randomOf } from '../support/random.js';
import { behind } from '../support/stands.js';
import { PendingWatch } from '../support/watch-pending.js';

const ROWS = 20_000;
const PER_SECOND = 2_000;
const SECONDS = 10;

export const sides: Sides = {
  async 'written behind'(ground) {
    const stand = await behind(ground, ROWS, { policy: { cache: { ttl: '1h' } } });
    const { service, items } = stand;
    const worker = await startMember('items-worker', 'worker', ground);
    const redis = new Redis(ground.redisUrl);
    return {
      ...stand,
      async round(round) {
        const random = randomOf(ground.seed + round);
        const transactionsBefore = await items.transactions();
        const watch = await PendingWatch.begin(service, redis);
        const begin = performance.now();
        const pace = { perSecond: PER_SECOND, seconds: SECONDS * ground.scale, callers: 20 };
        const calls = await paced(pace, async () => {
          const id = Math.floor(random() * items.rows) + 1;
          await service.increment(Item, id, { views: 1 });
          items.add(id, 'views', 1);
        });
        const accepted = (performance.now() - begin) / 1_000;
        const transactions = (await items.transactions()) - transactionsBefore;
        const { oldestP50, oldestP99 } = await watch.end();
        await worker.round(round);
        return { speed: calls / accepted, transactions: transactions / accepted, oldestP50, oldestP99 };
      },
      async close() {
        redis.disconnect();
        await worker.close();
        await stand.close();
      },
    };
  },
};
