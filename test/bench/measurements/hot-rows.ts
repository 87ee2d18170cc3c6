/**
 * P7: 1,000 changes a second of 50,000 rows, some far hotter than others, into a PostgreSQL that takes 200 rows a
 * second: a trigger waits 5 ms for each. What is pending must not grow beyond the rows that were changed, nor must
 * memory by pending row.
 */
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Sides } from '../process/side.js';
import { paced } from '../support/callers.js';
import { Item } from '../support/item.js';
import { randomOf } from '../support/random.js';
import { dataBytes } from '../support/redis-memory.js';
import { behind, type BehindStand } from '../support/stands.js';

const ROWS = 50_000;
const PER_SECOND = 1_000;
const SECONDS = 30;
const ALL_SECONDS = 90;

const slow = `
  create function wait_5_ms() returns trigger language plpgsql as $$
  begin
    perform pg_sleep(0.005);
    return new;
  end $$;
  create trigger slow before update on item for each row execute function wait_5_ms();`;

export const sides: Sides = {
  async 'written behind'(ground) {
    const stand = await behind(ground, ROWS, { worker: { concurrency: 1, batchSize: 100 } });
    const { service, items } = stand;
    const redis = new Redis(ground.redisUrl);
    const pool = new pg.Pool({ connectionString: ground.databaseUrl, max: 1 });
    await pool.query(slow);
    return {
      ...stand,
      async round(round) {
        const random = randomOf(ground.seed + round);
        const changed = new Set<number>();
        const empty = await dataBytes(redis);
        const seconds = ((ground.isFull ? ALL_SECONDS : SECONDS) * ground.scale) / 2;
        async function half(): Promise<Held> {
          await paced({ perSecond: PER_SECOND, seconds, callers: 20 }, async () => {
            // By the fourth power, the first tenth of the rows has more than half of the changes.
            const id = Math.floor(random() ** 4 * items.rows) + 1;
            await service.increment(Item, id, { views: 1 });
            items.add(id, 'views', 1);
            changed.add(id);
          });
          const pending = await pendingOf(stand);
          return { pending, redis: (await dataBytes(redis)) - empty, process: process.memoryUsage().rss };
        }
        await pool.query('alter table item enable trigger slow');
        const first = await half();
        const second = await half();
        await pool.query('alter table item disable trigger slow');
        await stand.written();
        return {
          pending: second.pending,
          share: second.pending / changed.size,
          bytes: second.redis / second.pending,
          bytesGrowth: second.redis / second.pending / (first.redis / first.pending),
          processGrowth: second.process / first.process,
        };
      },
      async close() {
        redis.disconnect();
        await stand.close();
        await pool.end();
      },
    };
  },
};

/** What is held at a moment: rows, and bytes. */
interface Held {
  readonly pending: number;
  readonly redis: number;
  readonly process: number;
}

async function pendingOf({ service }: BehindStand): Promise<number> {
  const { pending } = await service.status();
  return Object.values(pending).reduce((sum, count) => sum + count, 0);
}
