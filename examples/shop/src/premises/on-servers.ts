import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { shopConfig } from '../orm-config.js';
import { Fleet } from '../processes/fleet.js';
import type { Accident } from '../run/opening-hours.js';
import { makePlace } from './place.js';
import type { Premises } from './premises.js';

const accidents: readonly Accident[] = [
  { at: 0.35, role: 'worker' },
  { at: 0.65, role: 'application' },
];

/** Several processes, on a Redis and a PostgreSQL. */
export async function onServers(seed: string, env: NodeJS.ProcessEnv): Promise<Premises> {
  await using opened = new AsyncDisposableStack();
  const place = opened.use(await makePlace(seed, env));
  const orm = await MikroORM.init(shopConfig(place, false));
  opened.defer(() => orm.close());
  await orm.schema.create();

  const resources = opened.move();
  return {
    orm,
    journals: place.journals,
    accidents,
    hire: (_, onCrash) => new Fleet(place, onCrash),
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
