/**
 * P9: a process that has written some thousand rows, and then has nothing to do for some seconds: its CPU, its timers,
 * and how many of its connections have run any SQL.
 */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { AT_ONCE, during } from '../support/callers.js';
import { Item } from '../support/item.js';
import { behind, undecorated, type OrmStand } from '../support/stands.js';

const ROWS = 3_200;
const SECONDS = 5;
/** Before it is looked at: what ends after the last row may end. */
const REST_SECONDS = 2;

export const sides: Sides = {
  'written behind': async (ground) => idle(ground, await behind(ground, ROWS, { worker: true })),
  undecorated: async (ground) => idle(ground, await undecorated(ground, ROWS)),
};

function idle(ground: Ground, stand: OrmStand): OpenSide {
  const { orm, items, written } = stand;
  const pool = new pg.Pool({ connectionString: ground.databaseUrl, max: 1 });
  return {
    ...stand,
    async round(round) {
      await during(items.rows, AT_ONCE, async (call) => {
        const em = orm.em.fork();
        const item = await em.findOneOrFail(Item, call + 1);
        item.stock = 1_000 * round + call;
        await em.flush();
        items.expect(item.id, { stock: item.stock });
      });
      await written();
      await setTimeout(1_000 * REST_SECONDS * ground.scale);

      const { rows } = await pool.query<{ now: string }>('select clock_timestamp()::text as now');
      const cpuBefore = process.cpuUsage();
      const begin = performance.now();
      await setTimeout(1_000 * SECONDS * ground.scale);
      const seconds = (performance.now() - begin) / 1_000;
      const { user, system } = process.cpuUsage(cpuBefore);
      return {
        cpu: (user + system) / 10_000 / seconds,
        timers: process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length,
        busy: await connectionsSince(pool, rows[0]?.now ?? ''),
      };
    },
    async close() {
      await stand.close();
      await pool.end();
    },
  };
}

/** Connections to the database, but for the own one, that have begun a statement since then. */
async function connectionsSince(pool: pg.Pool, time: string): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(
    `select count(*) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and query_start > $1::timestamptz`,
    [time],
  );
  return Number(rows[0]?.count);
}
