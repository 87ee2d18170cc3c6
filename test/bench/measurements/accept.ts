/**
 * P1: find by key, change, flush. The lines are the same on all sides but `bullmq`, which has no ORM; a decorator is
 * the difference. Without the worker a round accepts changes and writes none: they are drained after it.
 */
import type { OpenSide, Sides } from '../process/side.js';
import { AT_ONCE, during } from '../support/callers.js';
import { Item } from '../support/item.js';
import { noDatabase } from '../support/no-database.js';
import { queued } from '../support/queue/queue-stand.js';
import { behind, undecorated, type OrmStand, type Stand } from '../support/stands.js';

const ROWS = 3_200;
const cache = { ttl: '1h' } as const;

export const sides: Sides = {
  'cache on': async (ground) => rounds(await behind(ground, ROWS, { policy: { cache } })),
  'cache off': async (ground) => rounds(await behind(ground, ROWS)),
  'cache on, own worker': async (ground) => rounds(await behind(ground, ROWS, { policy: { cache }, worker: true })),
  undecorated: async (ground) => rounds(await undecorated(ground, ROWS)),
  'no database': async (ground) => rounds(await noDatabase(ground, ROWS)),
  async bullmq(ground) {
    const stand = await queued(ground, ROWS);
    return roundsOf(stand, async (id) => {
      const item = await stand.find(id);
      item.stock += 1;
      if (!(await stand.save(item))) throw new Error(`Item ${id} was saved by somebody else.`);
    });
  },
};

function rounds(stand: OrmStand): OpenSide {
  return roundsOf(stand, async (id) => {
    const em = stand.orm.em.fork();
    const item = await em.findOneOrFail(Item, id);
    item.stock += 1;
    await em.flush();
  });
}

function roundsOf(stand: Stand & Pick<OrmStand, 'written'>, save: (id: number) => Promise<void>): OpenSide {
  const { items, written } = stand;
  return {
    ...stand,
    async round() {
      // Each row is changed twice in a round, so half of the rows are found with a pending change.
      const calls = 2 * items.rows;
      const seconds = await during(calls, AT_ONCE, async (call) => {
        const id = (call % items.rows) + 1;
        await save(id);
        items.add(id, 'stock', 1);
      });
      await written();
      return { speed: calls / seconds };
    },
  };
}
