/**
 * What this process, which is Node, spends on one call, on all of its threads: a patch, find + change + flush, and a
 * look-up, with 64 callers; beside a bare script call, and the same lines undecorated.
 */
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { bareScript, threeValues } from '../support/bare-script.js';
import { AT_ONCE, during, scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';

const ROWS = 3_200;
const BARE_CALLS = 64_000;
const cached = { policy: { cache: { ttl: '1h' } } } as const;

type Act = (id: number, turn: number) => Promise<void>;

export const sides: Sides = {
  async patch(ground) {
    const stand = await behind(ground, ROWS);
    return rounds(stand, async (id, turn) => {
      await stand.service.patch(Item, id, threeValues(id, turn));
      stand.items.expect(id, threeValues(id, turn));
    });
  },
  flush: async (ground) => flushing(await behind(ground, ROWS, cached)),
  'look-up': async (ground) => lookingUp(await behind(ground, ROWS, cached)),
  evalsha: bareCalls,
  'flush, undecorated': async (ground) => flushing(await undecorated(ground, ROWS)),
  'look-up, undecorated': async (ground) => lookingUp(await undecorated(ground, ROWS)),
};

function flushing(stand: OrmStand): OpenSide {
  return rounds(stand, async (id) => {
    const em = stand.orm.em.fork();
    const item = await em.findOneOrFail(Item, id);
    item.stock += 1;
    await em.flush();
    stand.items.add(id, 'stock', 1);
  });
}

function lookingUp(stand: OrmStand): OpenSide {
  return rounds(stand, async (id) => void (await stand.orm.em.fork().findOneOrFail(Item, id)));
}

function rounds(stand: OrmStand, act: Act): OpenSide {
  const { items, written } = stand;
  return {
    ...stand,
    async round(round) {
      // Each row twice.
      const calls = 2 * items.rows;
      const cpu = await cpuOf(calls, (call) => act((call % items.rows) + 1, round * calls + call));
      await written();
      return { cpu };
    },
  };
}

async function bareCalls(ground: Ground): Promise<OpenSide> {
  const stand = await bareScript(ground);
  const rows = scaled(ground, ROWS);
  const calls = scaled(ground, BARE_CALLS);
  return {
    ...stand,
    round: async (round) => ({
      cpu: await cpuOf(calls, (call) => stand.set((call % rows) + 1, round * calls + call)),
    }),
  };
}

/** @returns microseconds for each call */
async function cpuOf(calls: number, act: (call: number) => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await during(calls, AT_ONCE, act);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}
