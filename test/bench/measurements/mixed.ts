/**
 * Mixed work of 20 callers on 2,000 rows, with the worker in the process: half increments, 30 % look-ups by key, 10 %
 * counts by a condition, 10 % transactions that lock a row and change it. On the side `counts and locks alone` the
 * others cost nothing. PostgreSQL has to do what is left on every side, so no other side can be faster.
 */
import { LockMode, raw } from '@mikro-orm/postgresql';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { quantile } from '../report/statistics.js';
import { during, scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { randomOf } from '../support/random.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';

const ROWS = 2_000;
const CALLERS = 20;
const CALLS = 4_000;

type Increment = (id: number) => Promise<unknown>;

export const sides: Sides = {
  async 'written behind'(ground) {
    const stand = await behind(ground, ROWS, { policy: { cache: { ttl: '1h' } }, worker: true });
    return rounds(ground, stand, (id) => stand.service.increment(Item, id, { views: 1 }));
  },
  async undecorated(ground) {
    const stand = await undecorated(ground, ROWS);
    return rounds(ground, stand, (id) =>
      stand.orm.em.fork().nativeUpdate(Item, id, { views: raw<number>('views + 1') }),
    );
  },
  async 'counts and locks alone'(ground) {
    const isFree = (act: Act): boolean => act === 'increment' || act === 'look up';
    return rounds(ground, await undecorated(ground, ROWS), async () => undefined, isFree);
  },
};

function rounds(
  ground: Ground,
  stand: OrmStand,
  increment: Increment,
  isFree: (act: Act) => boolean = () => false,
): OpenSide {
  return {
    ...stand,
    async round(round) {
      const calls = scaled(ground, CALLS, CALLERS);
      const random = randomOf(ground.seed + round);
      const work = Array.from({ length: calls }, () => ({
        act: actOf(random()),
        id: Math.floor(random() * stand.items.rows) + 1,
      }));
      const latencies: number[] = [];
      const seconds = await during(calls, CALLERS, async (call) => {
        const { act, id } = work[call] ?? { act: 'look up', id: 1 };
        const begin = performance.now();
        if (!isFree(act)) await acts[act](stand, id, increment);
        latencies.push(performance.now() - begin);
      });
      await stand.written();
      return { speed: calls / seconds, p99: quantile(latencies, 0.99) };
    },
  };
}

type Act = 'increment' | 'look up' | 'count' | 'lock';

function actOf(share: number): Act {
  if (share < 0.5) return 'increment';
  if (share < 0.8) return 'look up';
  return share < 0.9 ? 'count' : 'lock';
}

const acts: Readonly<Record<Act, (stand: OrmStand, id: number, increment: Increment) => Promise<void>>> = {
  async increment({ items }, id, increment) {
    await increment(id);
    items.add(id, 'views', 1);
  },
  async 'look up'({ orm, items }, id) {
    const counted = items.expected(id, 'views');
    const { views } = await orm.em.fork().findOneOrFail(Item, id);
    if (views < counted) throw new Error(`Item ${id} was found with ${views} views, after ${counted} were counted.`);
  },
  async count({ orm }) {
    await orm.em.fork().count(Item, { views: { $gte: 25 } });
  },
  async lock({ orm, items }, id) {
    await orm.em.fork().transactional(async (em) => {
      const item = await em.findOneOrFail(Item, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
      item.stock += 1;
    });
    items.add(id, 'stock', 1);
  },
};
