/**
 * What Redis spends on one staged change by its own clock, when 1, 4, 16 and 64 callers stage at once. Each call is of
 * another row, and the rows are spread over all shards.
 */
import { Redis } from 'ioredis';
import type { OpenSide, Sides } from '../process/side.js';
import { bareScript, threeValues } from '../support/bare-script.js';
import { during, scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { scriptTime } from '../support/redis-time.js';
import { behind } from '../support/stands.js';

const ROWS = 6_400;
const callers = [1, 4, 16, 64] as const;

export const sides: Sides = {
  async increment(ground) {
    const stand = await behind(ground, ROWS);
    const { service, items, written } = stand;
    const redis = new Redis(ground.redisUrl);
    return {
      ...stand,
      async round() {
        const readings = await timesOf(redis, items.rows, async (id) => {
          await service.increment(Item, id, { views: 1 });
          items.add(id, 'views', 1);
        });
        await written();
        return readings;
      },
      close: () => closed(stand, redis),
    };
  },

  async patch(ground) {
    const stand = await behind(ground, ROWS);
    const { service, items, written } = stand;
    const redis = new Redis(ground.redisUrl);
    return {
      ...stand,
      async round(round) {
        const readings = await timesOf(redis, items.rows, async (id) => {
          await service.patch(Item, id, threeValues(id, round));
          items.expect(id, threeValues(id, round));
        });
        await written();
        return readings;
      },
      close: () => closed(stand, redis),
    };
  },

  async evalsha(ground) {
    const stand = await bareScript(ground);
    const rows = scaled(ground, ROWS);
    return { ...stand, round: (round) => timesOf(stand.redis, rows, (id) => stand.set(id, round)) };
  },
};

/** A quarter of the rows for each number of callers. */
async function timesOf(redis: Redis, rows: number, act: (id: number) => Promise<void>): ReturnType<OpenSide['round']> {
  const calls = rows / callers.length;
  const readings: Record<string, number> = {};
  for (const [quarter, atOnce] of callers.entries()) {
    const before = await scriptTime(redis);
    await during(calls, atOnce, (call) => act(quarter * calls + call + 1));
    const after = await scriptTime(redis);
    readings[`time${atOnce}`] = (after.microseconds - before.microseconds) / calls;
  }
  return readings;
}

async function closed(stand: Pick<OpenSide, 'close'>, redis: Redis): Promise<void> {
  redis.disconnect();
  await stand.close();
}
