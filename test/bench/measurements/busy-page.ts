/**
 * A busy page: the rows of one `em.find` are changed in eight properties and flushed, 500 at a time, one page after the
 * other. The lines are the same on both sides. Changes are drained after the round.
 */
import type { OpenSide, Sides } from '../process/side.js';
import { during } from '../support/callers.js';
import { Item, itemValues } from '../support/item.js';
import { noDatabase } from '../support/no-database.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';

const ROWS = 8_000;
const PAGE = 500;

export const sides: Sides = {
  'cache on': async (ground) => rounds(await behind(ground, ROWS, { policy: { cache: { ttl: '1h' } } })),
  'cache off': async (ground) => rounds(await behind(ground, ROWS)),
  undecorated: async (ground) => rounds(await undecorated(ground, ROWS)),
  'no database': async (ground) => rounds(await noDatabase(ground, ROWS)),
};

function rounds(stand: OrmStand): OpenSide {
  const { orm, items } = stand;
  const ids = Array.from({ length: items.rows }, (_, index) => index + 1);
  return {
    ...stand,
    async round(round) {
      const seconds = await during(Math.ceil(ids.length / PAGE), 1, async (page) => {
        const em = orm.em.fork();
        const found = await em.find(Item, ids.slice(page * PAGE, (page + 1) * PAGE));
        for (const item of found) em.assign(item, itemValues(item.id, round));
        await em.flush();
      });
      for (const id of ids) items.expect(id, itemValues(id, round));
      await stand.written();
      return { speed: ids.length / seconds };
    },
  };
}
