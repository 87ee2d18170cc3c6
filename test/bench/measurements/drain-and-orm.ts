/**
 * P4: the drain of a full staging store against MikroORM's own ways to write many rows: a flush of 1,000 changed
 * entities, and `upsertMany` of 1,000 rows. Each has one connection and eight changed columns. Finding the entities is
 * not timed.
 */
import type { OpenSide, Sides } from '../process/side.js';
import { randomOf } from '../support/random.js';
import { Item, itemValues } from '../support/item.js';
import { undecorated, type OrmStand } from '../support/stands.js';
import { drained } from './drain.js';

const ROWS = 20_000;
const PAGE = 1_000;

/** @returns milliseconds */
type Write = (stand: OrmStand, ids: readonly number[], round: number) => Promise<number>;

export const sides: Sides = {
  drain: (ground) => drained(ground, 1),
  'batch flush': async (ground) => rounds(ground.seed, await undecorated(ground, ROWS), flush),
  upsertMany: async (ground) => rounds(ground.seed, await undecorated(ground, ROWS), upsert),
};

async function flush({ orm }: OrmStand, ids: readonly number[], round: number): Promise<number> {
  const em = orm.em.fork();
  const found = await em.find(Item, [...ids]);
  for (const item of found) em.assign(item, itemValues(item.id, round));
  const begin = performance.now();
  await em.flush();
  return performance.now() - begin;
}

async function upsert({ orm }: OrmStand, ids: readonly number[], round: number): Promise<number> {
  const rows = ids.map((id) => ({ id, ...itemValues(id, round), version: round + 2 }));
  const begin = performance.now();
  await orm.em.fork().upsertMany(Item, rows);
  return performance.now() - begin;
}

function rounds(seed: number, stand: OrmStand, write: Write): OpenSide {
  const { items } = stand;
  return {
    ...stand,
    async round(round) {
      const ids = items.shuffledIds(randomOf(seed + round));
      let milliseconds = 0;
      for (let from = 0; from < ids.length; from += PAGE)
        milliseconds += await write(stand, ids.slice(from, from + PAGE), round);
      for (const id of ids) items.expect(id, itemValues(id, round));
      return { speed: (1_000 * ids.length) / milliseconds };
    },
  };
}
