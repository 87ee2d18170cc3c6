/**
 * P8: what Redis holds for a row with three pending values, beyond those values. The rows are staged by flushes of 500
 * rows; and by one `patch` for each, which also leaves the number of its call. Nothing is drained before the end.
 */
import { Redis } from 'ioredis';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { threeValues } from '../support/bare-script.js';
import { AT_ONCE, during } from '../support/callers.js';
import { Item } from '../support/item.js';
import { dataBytes } from '../support/redis-memory.js';
import { behind, type BehindStand } from '../support/stands.js';

const ROWS = 20_000;
const ALL_ROWS = 300_000;
const PAGE = 500;

type Stage = (ids: readonly number[], round: number) => Promise<unknown>;

export const sides: Sides = {
  async flush(ground) {
    const stand = await open(ground);
    return rounds(ground, stand, async (ids, round) =>
      during(Math.ceil(ids.length / PAGE), 1, async (page) => {
        const em = stand.orm.em.fork();
        const found = await em.find(Item, ids.slice(page * PAGE, (page + 1) * PAGE));
        for (const item of found) em.assign(item, threeValues(item.id, round));
        await em.flush();
      }),
    );
  },
  async patch(ground) {
    const stand = await open(ground);
    return rounds(ground, stand, async (ids, round) =>
      during(ids.length, AT_ONCE, async (call) => {
        const id = ids[call] ?? 0;
        await stand.service.patch(Item, id, threeValues(id, round));
      }),
    );
  },
};

function open(ground: Ground): Promise<BehindStand> {
  return behind(ground, ground.isFull ? ALL_ROWS : ROWS);
}

function rounds(ground: Ground, stand: BehindStand, stage: Stage): OpenSide {
  const { items, written } = stand;
  const redis = new Redis(ground.redisUrl);
  const ids = Array.from({ length: items.rows }, (_, index) => index + 1);
  return {
    ...stand,
    async round(round) {
      const before = await dataBytes(redis);
      await stage(ids, round);
      const bytes = (await dataBytes(redis)) - before;
      const values = ids.reduce((sum, id) => sum + valueBytes(id, round), 0);
      for (const id of ids) items.expect(id, threeValues(id, round));
      await written();
      return { bytes: (bytes - values) / ids.length };
    },
    async close() {
      redis.disconnect();
      await stand.close();
    },
  };
}

/** Values as texts, without the names of their properties. */
function valueBytes(id: number, round: number): number {
  return Object.values(threeValues(id, round)).reduce<number>((sum, value) => sum + String(value).length, 0);
}
