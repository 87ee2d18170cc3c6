/**
 * P3: the drain of a full staging store against a bare bulk statement, on as many connections, in batches of 500. Each
 * row has eight changed columns. The changes come in a random order, as changes of many callers do.
 */
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { AT_ONCE, during } from '../support/callers.js';
import { writeInBulk } from '../support/bulk-statement.js';
import { Item, itemValues } from '../support/item.js';
import { randomOf } from '../support/random.js';
import { bare, behind } from '../support/stands.js';

const ROWS = 20_000;
const BATCH = 500;

export const sides: Sides = {
  '1 connection': (ground) => drained(ground, 1),
  '4 connections': (ground) => drained(ground, 4),
  'statement, 1 connection': (ground) => inBulk(ground, 1),
  'statement, 4 connections': (ground) => inBulk(ground, 4),
};

export async function drained(ground: Ground, concurrency: number): Promise<OpenSide> {
  // Nothing is due before the drain asks for it.
  const policy = { debounce: '1h', maxDelay: '1h' } as const;
  const stand = await behind(ground, ROWS, { policy, worker: { concurrency, batchSize: BATCH } });
  return {
    ...stand,
    async round(round) {
      const ids = stand.items.shuffledIds(randomOf(ground.seed + round));
      await during(ids.length, AT_ONCE, async (call) => {
        const id = ids[call] ?? 0;
        await stand.service.patch(Item, id, itemValues(id, round));
        stand.items.expect(id, itemValues(id, round));
      });
      const seconds = await during(1, 1, stand.written);
      return { speed: ids.length / seconds };
    },
  };
}

async function inBulk(ground: Ground, connections: number): Promise<OpenSide> {
  const stand = await bare(ground, ROWS, connections);
  return {
    ...stand,
    async round(round) {
      const ids = stand.items.shuffledIds(randomOf(ground.seed + round));
      const seconds = await during(Math.ceil(ids.length / BATCH), connections, (batch) =>
        writeInBulk(
          stand.pool,
          ids.slice(batch * BATCH, (batch + 1) * BATCH).map((id) => ({ id, ...itemValues(id, round) })),
        ),
      );
      for (const id of ids) stand.items.expect(id, itemValues(id, round));
      return { speed: ids.length / seconds };
    },
  };
}
