/**
 * P2: `patch` of three properties and `increment` of one, 64 at once, against what they cannot be faster than: a bare
 * `EVALSHA` that writes three fields of 80 bytes; against a bare update by `pg`; and against a job of
 * BullMQ for each patch.
 */
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { bareScript, threeValues } from '../support/bare-script.js';
import { AT_ONCE, during, scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { queued } from '../support/queue/queue-stand.js';
import { bare, behind } from '../support/stands.js';

const ROWS = 6_400;
const CALLS = 12_800;
/** It is so fast that a round of as many calls would be over at once. */
const BARE_CALLS = 128_000;

type Act = (id: number, turn: number) => Promise<void>;

export const sides: Sides = {
  async patch(ground) {
    const stand = await behind(ground, ROWS);
    const { service, items, written } = stand;
    async function patch(id: number, turn: number): Promise<void> {
      await service.patch(Item, id, threeValues(id, turn));
      items.expect(id, threeValues(id, turn));
    }
    return { ...stand, round: (round) => speedOf(ground, round, patch, CALLS, written) };
  },

  async increment(ground) {
    const stand = await behind(ground, ROWS);
    const { service, items, written } = stand;
    async function increment(id: number): Promise<void> {
      await service.increment(Item, id, { views: 1 });
      items.add(id, 'views', 1);
    }
    return { ...stand, round: (round) => speedOf(ground, round, increment, CALLS, written) };
  },

  async evalsha(ground) {
    const stand = await bareScript(ground);
    return { ...stand, round: (round) => speedOf(ground, round, stand.set, BARE_CALLS) };
  },

  async bullmq(ground) {
    const { queue, items, written, ...stand } = await queued(ground, ROWS);
    async function patch(id: number, turn: number): Promise<void> {
      await queue.add({ id, values: threeValues(id, turn) });
      items.expect(id, threeValues(id, turn));
    }
    return { ...stand, round: (round) => speedOf(ground, round, patch, CALLS, written) };
  },

  async 'pg update'(ground) {
    const stand = await bare(ground, ROWS);
    const { pool, items } = stand;
    const text = 'update item set title = $1, stock = $2, price = $3, version = version + 1 where id = $4';
    async function update(id: number, turn: number): Promise<void> {
      const { title, stock, price } = threeValues(id, turn);
      await pool.query({ name: 'update', text, values: [title, stock, price, id] });
      items.expect(id, { title, stock, price });
    }
    return { ...stand, round: (round) => speedOf(ground, round, update, CALLS) };
  },
};

async function speedOf(
  ground: Ground,
  round: number,
  act: Act,
  most: number,
  after?: () => Promise<void>,
): ReturnType<OpenSide['round']> {
  const rows = scaled(ground, ROWS);
  const calls = scaled(ground, most);
  const seconds = await during(calls, AT_ONCE, (call) => act((call % rows) + 1, round * calls + call));
  await after?.();
  return { speed: calls / seconds };
}
