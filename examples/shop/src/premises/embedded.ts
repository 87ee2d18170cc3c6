import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { MikroORM } from '@mikro-orm/pglite';
import { embeddedPlainConfig, embeddedShopConfig } from '../orm-config.js';
import { CrewOfOne } from '../processes/crew-of-one.js';
import { countBehind, countByStatement } from '../shop/counting.js';
import type { ShopKind } from '../shop/kind.js';
import { makeJournals } from './make-journals.js';
import type { Premises, Rooms } from './premises.js';

/**
 * This process alone: PGlite is the database, and changes are staged in memory. A process cannot survive its own death.
 */
export async function embedded(seed: string): Promise<Premises> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(mkdtempSync(path.join(tmpdir(), 'spillway-shop-')), (made) =>
    rmSync(made, { recursive: true }),
  );
  const pglite = opened.adopt(await PGlite.create(), (database) => database.close());

  const open = async (kind: ShopKind, resources: AsyncDisposableStack): Promise<Rooms> => {
    const isPlain = kind === 'plain';
    const orm = await MikroORM.init(isPlain ? embeddedPlainConfig(pglite) : embeddedShopConfig(pglite));
    resources.defer(() => orm.close());
    await orm.schema.create();
    const counting = isPlain ? countByStatement(orm) : countBehind(orm);
    return {
      kind,
      orm,
      journals: makeJournals(folder, kind),
      hire: (shop, onCrash) => new CrewOfOne({ kind, seed, parts: { orm, counting, ...shop } }, onCrash),
    };
  };
  const behind = await open('behind', opened);

  const resources = opened.move();
  return {
    behind,
    accidents: [],
    openPlain: () => open('plain', resources),
    query: async (sql) => (await pglite.query<object>(sql)).rows,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
