import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { plainConfig, shopConfig } from '../orm-config.js';
import { Fleet } from '../processes/fleet.js';
import type { Accident } from '../run/opening-hours.js';
import type { ShopKind } from '../shop/kind.js';
import { makeJournals } from './make-journals.js';
import { makePlace } from './place.js';
import type { Premises, Rooms } from './premises.js';

const accidents: readonly Accident[] = [
  { at: 0.35, role: 'worker' },
  { at: 0.65, role: 'application' },
];

/** Several processes, on a Redis and a PostgreSQL. */
export async function onServers(seed: string, env: NodeJS.ProcessEnv): Promise<Premises> {
  await using opened = new AsyncDisposableStack();
  const place = opened.use(await makePlace(env));

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
    accidents,
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
