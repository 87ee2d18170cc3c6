/**
 * P1: find by key, change, flush. The lines are the same on all sides; a decorator is the difference. Without the
 * worker a round accepts changes and writes none: they are drained after it.
 */
import type { OpenSide, Sides } from '../process/side.js';
import { AT_ONCE, during } from '../support/callers.js';
import { Item } from '../support/item.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';

const ROWS = 3_200;
const cache = { ttl: '1h' } as const;

export const sides: Sides = {
  'cache on': async (ground) => rounds(await behind(ground, ROWS, { policy: { cache } })),
  'cache off': async (ground) => rounds(await behind(ground, ROWS)),
  'cache on, own worker': async (ground) => rounds(await behind(ground, ROWS, { policy: { cache }, worker: true })),
  undecorated: async (ground) => rounds(await undecorated(ground, ROWS)),
};

function rounds(stand: OrmStand): OpenSide {
  const { orm, items, written } = stand;
  return {
    ...stand,
    async round() {
      // Each row is changed twice in a round, so half of the rows are found with a pending change.
      const calls = 2 * items.rows;
      const seconds = await during(calls, AT_ONCE, async (call) => {
        const id = (call % items.rows) + 1;
        const em = orm.em.fork();
        const item = await em.findOneOrFail(Item, id);
        item.stock += 1;
        await em.flush();
        items.add(id, 'stock', 1);
      });
      await written();
      return { speed: calls / seconds };
    },
  };
}
