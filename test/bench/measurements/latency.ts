/** P6: how long one `em.flush()` of one change takes when nothing else goes on, beside one bare round trip to Redis. */
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { quantile } from '../report/statistics.js';
import { bareScript, threeValues } from '../support/bare-script.js';
import { scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';

const ROWS = 1_024;

export const sides: Sides = {
  flush: async (ground) => flushes(await behind(ground, ROWS)),
  async patch(ground) {
    const stand = await behind(ground, ROWS);
    return {
      ...stand,
      async round(round) {
        const times = await timesOf(
          stand.items.rows,
          (id) => () => stand.service.patch(Item, id, threeValues(id, round)),
        );
        for (let id = 1; id <= stand.items.rows; id += 1) stand.items.expect(id, threeValues(id, round));
        await stand.written();
        return times;
      },
    };
  },
  async evalsha(ground: Ground) {
    const stand = await bareScript(ground);
    return { ...stand, round: (round) => timesOf(scaled(ground, ROWS), (id) => () => stand.set(id, round)) };
  },
  undecorated: async (ground) => flushes(await undecorated(ground, ROWS)),
};

/** The row is found before the clock starts. */
function flushes(stand: OrmStand): OpenSide {
  const { orm, items, written } = stand;
  return {
    ...stand,
    async round() {
      const times = await timesOf(items.rows, async (id) => {
        const em = orm.em.fork();
        const item = await em.findOneOrFail(Item, id);
        item.stock += 1;
        items.add(id, 'stock', 1);
        return () => em.flush();
      });
      await written();
      return times;
    },
  };
}

type Timed = () => Promise<unknown>;

/** One call after the other. */
async function timesOf(calls: number, prepare: (id: number) => Timed | Promise<Timed>): ReturnType<OpenSide['round']> {
  const times: number[] = [];
  for (let id = 1; id <= calls; id += 1) {
    const act = await prepare(id);
    const begin = performance.now();
    await act();
    times.push(performance.now() - begin);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}
