/**
 * P5: changes are accepted and written at the same time, for a while: find by key, change, flush, with 64 callers on
 * rows at random. The lines are the same on both sides. What is written behind has its worker in a process of its own,
 * and counts only when all of it is in PostgreSQL.
 */
import { Redis } from 'ioredis';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { startMember } from '../process/start-member.js';
import { AT_ONCE, forSeconds } from '../support/callers.js';
import { Item } from '../support/item.js';
import { randomOf } from '../support/random.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';
import { PendingWatch } from '../support/watch-pending.js';

const ROWS = 20_000;
const SECONDS = 10;

export const sides: Sides = {
  async 'written behind'(ground) {
    const stand = await behind(ground, ROWS, { policy: { cache: { ttl: '1h' } } });
    const worker = await startMember('items-worker', 'worker', ground);
    const redis = new Redis(ground.redisUrl);
    return {
      ...stand,
      async round(round) {
        const transactionsBefore = await stand.items.transactions();
        const watch = await PendingWatch.begin(stand.service, redis);
        const begin = performance.now();
        const saves = await save(ground, stand, round);
        await worker.round(round);
        const seconds = (performance.now() - begin) / 1_000;
        const { oldestP50, oldestP99 } = await watch.end();
        const transactions = (await stand.items.transactions()) - transactionsBefore;
        return { speed: saves / seconds, transactions: transactions / seconds, oldestP50, oldestP99 };
      },
      async close() {
        redis.disconnect();
        await worker.close();
        await stand.close();
      },
    };
  },
  undecorated: async (ground) => direct(ground, await undecorated(ground, ROWS)),
};

/** Each save is a transaction, and nothing is pending. */
function direct(ground: Ground, stand: OrmStand): OpenSide {
  return {
    ...stand,
    async round(round) {
      const begin = performance.now();
      const speed = (1_000 * (await save(ground, stand, round))) / (performance.now() - begin);
      return { speed, transactions: speed };
    },
  };
}

/** @returns how many changes were saved */
function save({ seed, scale }: Ground, { orm, items }: OrmStand, round: number): Promise<number> {
  const random = randomOf(seed + round);
  return forSeconds(SECONDS * scale, AT_ONCE, async (_, caller) => {
    // Each caller has rows of its own, so no version is stale.
    const id = Math.floor((random() * items.rows) / AT_ONCE) * AT_ONCE + caller + 1;
    const em = orm.em.fork();
    const item = await em.findOneOrFail(Item, id);
    item.stock += 1;
    await em.flush();
    items.add(id, 'stock', 1);
  });
}
