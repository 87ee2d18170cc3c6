import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { plainConfig, shopConfig } from '../orm-config.js';
import { Fleet } from '../processes/fleet.js';
import type { Topology } from '../run/arguments.js';
import type { Accident } from '../run/opening-hours.js';
import type { ShopKind } from '../shop/kind.js';
import { makeJournals } from './make-journals.js';
import { makePlace } from './place.js';
import { nodesIn, type StartedNode } from './nodes.js';
import type { Premises, Rooms } from './premises.js';

const accidents: readonly Accident[] = [
  { at: 0.35, role: 'worker' },
  { at: 0.65, role: 'application' },
];

/** One server dies while processes do. Whoever has started it starts it again. */
function withLostNode([lost]: readonly StartedNode[]): readonly Accident[] {
  const strike = () => {
    if (lost === undefined) throw new Error('There is no Redis to kill.');
    process.kill(lost.pid, 'SIGKILL');
    return { name: lost.name, said: `kill -9 Redis ${lost.name} (pid ${lost.pid}); it comes back by itself.` };
  };
  return [...accidents, { at: 0.5, strike }].toSorted((one, other) => one.at - other.at);
}

/** Several processes, on a PostgreSQL, and on one Redis or several. */
export async function onServers(seed: string, topology: Topology, env: NodeJS.ProcessEnv): Promise<Premises> {
  await using opened = new AsyncDisposableStack();
  const nodes = topology === 'one' ? undefined : nodesIn(env);
  const place = opened.use(await makePlace(env, topology, nodes));

  const open = async (kind: ShopKind, resources: AsyncDisposableStack): Promise<Rooms> => {
    const settings = { ...place, kind, seed, journals: makeJournals(place.folder, kind) };
    const orm = await MikroORM.init(kind === 'plain' ? plainConfig(place) : shopConfig(settings, false));
    resources.defer(() => orm.close());
    await orm.schema.create();
    return { kind, orm, journals: settings.journals, hire: (_, onCrash) => new Fleet(settings, onCrash) };
  };
  const behind = await open('behind', opened);

  const resources = opened.move();
  return {
    behind,
    accidents: nodes ? withLostNode(nodes) : accidents,
    openPlain: () => open('plain', resources),
    query: async (sql) => {
      const client = new Client({ connectionString: place.databaseUrl });
      await client.connect();
      try {
        return (await client.query<object>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
