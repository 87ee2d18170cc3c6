import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { plainConfig, shopConfig } from '../orm-config.js';
import { Fleet } from '../processes/fleet.js';
import type { Arguments } from '../run/arguments.js';
import type { Accident } from '../run/opening-hours.js';
import type { ShopKind } from '../shop/kind.js';
import { makeJournals } from './make-journals.js';
import { makePlace } from './place.js';
import { stagingPlace, type StagingPlace } from './nodes.js';
import type { Premises, Rooms } from './premises.js';

const accidents: readonly Accident[] = [
  { at: 0.35, role: 'worker' },
  { at: 0.65, role: 'application' },
];

/** A Redis dies while processes do. */
function accidentsWith(victim: StagingPlace['victim']): readonly Accident[] {
  if (victim === undefined) return accidents;
  const { name, pid, becomes } = victim;
  const strike = () => {
    process.kill(pid, 'SIGKILL');
    return { name, said: `kill -9 Redis ${name} (pid ${pid}); ${becomes}.` };
  };
  return [...accidents, { at: 0.5, strike }].toSorted((one, other) => one.at - other.at);
}

/** Several processes, on a PostgreSQL, and on one Redis or several. */
export async function onServers(
  { seed, topology, durability }: Pick<Arguments, 'seed' | 'topology' | 'durability'>,
  env: NodeJS.ProcessEnv,
): Promise<Premises> {
  await using opened = new AsyncDisposableStack();
  const staging = stagingPlace({ topology, durability }, env);
  const place = opened.use(await makePlace(env, staging));

  const open = async (kind: ShopKind, resources: AsyncDisposableStack): Promise<Rooms> => {
    const settings = { ...place, durability, kind, seed, journals: makeJournals(place.folder, kind) };
    const orm = await MikroORM.init(kind === 'plain' ? plainConfig(place) : shopConfig(settings, false));
    resources.defer(() => orm.close());
    await orm.schema.create();
    return { kind, orm, journals: settings.journals, hire: (_, onCrash) => new Fleet(settings, onCrash) };
  };
  const behind = await open('behind', opened);

  const resources = opened.move();
  return {
    behind,
    accidents: accidentsWith(staging.victim),
    // The replica has what the primary had sent, and nothing else.
    mayLose: topology === 'sentinel' && durability !== 'replicated' ? durability : undefined,
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
