/** Look-ups: find by key alone, of rows that have pending changes. What is found has to be what was staged last. */
import type { OpenSide, Sides } from '../process/side.js';
import { AT_ONCE, during } from '../support/callers.js';
import { Item } from '../support/item.js';
import { noDatabase } from '../support/no-database.js';
import { behind, undecorated, type BehindStand, type OrmStand } from '../support/stands.js';

const ROWS = 3_200;

export const sides: Sides = {
  'cache on': async (ground) => withPending(await behind(ground, ROWS, { policy: { cache: { ttl: '1h' } } })),
  'cache off': async (ground) => withPending(await behind(ground, ROWS)),
  undecorated: async (ground) => withoutChanges(await undecorated(ground, ROWS)),
  'no database': async (ground) => withoutChanges(await noDatabase(ground, ROWS)),
};

function withoutChanges(stand: OrmStand): OpenSide {
  return { ...stand, round: async () => ({ speed: await lookUps(stand) }) };
}

/** A round gives every row a pending change first, and writes them all afterwards. */
function withPending(stand: BehindStand): OpenSide {
  const { service, items, written } = stand;
  return {
    ...stand,
    async round(round) {
      await during(items.rows, AT_ONCE, async (call) => {
        const stock = 1_000 * round + call;
        await service.patch(Item, call + 1, { stock });
        items.expect(call + 1, { stock });
      });
      const speed = await lookUps(stand);
      await written();
      return { speed };
    },
  };
}

async function lookUps({ orm, items }: OrmStand): Promise<number> {
  const calls = 4 * items.rows;
  const seconds = await during(calls, AT_ONCE, async (call) => {
    const id = (call % items.rows) + 1;
    const item = await orm.em.fork().findOneOrFail(Item, id);
    const expected = items.expected(id, 'stock');
    if (item.stock !== expected) throw new Error(`Item ${id} was found with ${item.stock} instead of ${expected}.`);
  });
  return calls / seconds;
}
