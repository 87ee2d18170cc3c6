/**
 * What Redis takes in, when the shards of a namespace are on one server, or on several. `increment` of 6,400 rows for
 * each server, with 256 at once for each: whoever adds servers has that much more to write, and what stands in line for
 * a server goes to it in one call. The figures are changes per second of processors that the servers have used, added
 * up: the machine need not have a core for each server.
 *
 * 256 at once on all four together show what servers cost that there is not enough to do for: smaller groups.
 */
import { Redis } from 'ioredis';
import { startRedisNodes } from '../../../tools/servers/redis-nodes.mjs';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { during, scaled } from '../support/callers.js';
import { Item } from '../support/item.js';
import { cpuSeconds } from '../support/redis-cpu.js';
import { behind } from '../support/stands.js';

/** For each server. */
const ROWS = 6_400;
const AT_ONCE = 256;
const SHARDS = 64;

export const sides: Sides = {
  '1 server': (ground) => on(ground, 1),
  '2 servers': (ground) => on(ground, 2),
  '4 servers': (ground) => on(ground, 4),
  '4 servers, 256 in all': (ground) => on(ground, 4, AT_ONCE),
};

async function on(ground: Ground, count: number, atOnce = AT_ONCE * count): Promise<OpenSide> {
  const { nodes, stop } = await startRedisNodes(count);
  const redis = { nodes: nodes.map(({ name, url }) => ({ name, redis: url })) };
  const stand = await behind(ground, ROWS * count, { redis, shards: SHARDS });
  const clients = nodes.map(({ url }) => new Redis(url));
  const { service, items, written } = stand;
  const calls = scaled(ground, ROWS * count);
  const workOfEach = async (): Promise<readonly number[]> => Promise.all(clients.map(cpuSeconds));
  return {
    ...stand,
    async round() {
      const before = await workOfEach();
      await during(calls, atOnce, async (call) => {
        const id = (call % items.rows) + 1;
        await service.increment(Item, id, { views: 1 });
        items.add(id, 'views', 1);
      });
      const after = await workOfEach();
      await written();
      const work = after.map((seconds, server) => seconds - (before[server] ?? 0));
      const sum = work.reduce((all, each) => all + each, 0);
      return { accepted: calls / sum, most: (Math.max(...work) * work.length) / sum };
    },
    async close() {
      await stand.close();
      for (const client of clients) client.disconnect();
      await stop();
    },
  };
}
