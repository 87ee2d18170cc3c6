/** P10: what a further change costs when 1,000, 10,000, 100,000 (and with `--full` 1,000,000) rows are pending. */
import { Redis } from 'ioredis';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { AT_ONCE, during, scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { randomOf } from '../support/random.js';
import { scriptTime } from '../support/redis-time.js';
import { behind } from '../support/stands.js';

const CALLS = 12_800;
/** Nothing is due, and there is room for all. */
const policy = { debounce: '1h', maxDelay: '1h', maxPending: 4_000_000 } as const;

export const sides: Sides = {
  '1,000 pending': (ground) => withPending(ground, 1_000),
  '10,000 pending': (ground) => withPending(ground, 10_000),
  '100,000 pending': (ground) => withPending(ground, 100_000),
  '1,000,000 pending': (ground) => withPending(ground, 1_000_000),
};

/** All rows are pending from the beginning to the check, which has them written. */
async function withPending(ground: Ground, rows: number): Promise<OpenSide> {
  const stand = await behind(ground, rows, { policy });
  const { service, items, written } = stand;
  const redis = new Redis(ground.redisUrl);
  async function increment(id: number): Promise<void> {
    await service.increment(Item, id, { views: 1 });
    items.add(id, 'views', 1);
  }
  await during(items.rows, AT_ONCE, (call) => increment(call + 1));
  return {
    ...stand,
    async round(round) {
      const calls = scaled(ground, CALLS);
      const random = randomOf(ground.seed + round);
      const before = await scriptTime(redis);
      const seconds = await during(calls, AT_ONCE, () => increment(Math.floor(random() * items.rows) + 1));
      const after = await scriptTime(redis);
      return { speed: calls / seconds, time: (after.microseconds - before.microseconds) / calls };
    },
    async check() {
      await written();
      await stand.check();
    },
    async close() {
      redis.disconnect();
      await stand.close();
    },
  };
}
