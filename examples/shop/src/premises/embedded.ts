import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { MikroORM } from '@mikro-orm/pglite';
import { embeddedShopConfig } from '../orm-config.js';
import { CrewOfOne } from '../processes/crew-of-one.js';
import type { Premises } from './premises.js';

/**
 * This process alone: PGlite is the database, and changes are staged in memory. A process cannot survive its own death.
 */
export async function embedded(seed: string): Promise<Premises> {
  await using opened = new AsyncDisposableStack();
  const journals = opened.adopt(mkdtempSync(path.join(tmpdir(), 'spillway-shop-')), (folder) =>
    rmSync(folder, { recursive: true }),
  );
  const pglite = opened.adopt(await PGlite.create(), (database) => database.close());
  const orm = await MikroORM.init(embeddedShopConfig(pglite));
  opened.defer(() => orm.close());
  await orm.schema.create();

  const resources = opened.move();
  return {
    orm,
    journals,
    accidents: [],
    hire: (shop, onCrash) => new CrewOfOne({ orm, seed, ...shop }, onCrash),
    query: async (sql) => (await pglite.query<object>(sql)).rows,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
