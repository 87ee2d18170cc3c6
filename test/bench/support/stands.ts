import { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, WriteBehind, type WorkerOptions } from '@spillway/core';
import pg from 'pg';
import type { Ground, OpenSide } from '../process/side.js';
import { scaled } from './callers.js';
import { Item } from './item.js';
import { Items } from './items.js';
import { openBehind, type ShardsOf } from './open-behind.js';
import { writeAll } from './write-all.js';

/** A table of items and the means to write it. */
export interface Stand extends Pick<OpenSide, 'check' | 'close'> {
  readonly items: Items;
}

export interface OrmStand extends Stand {
  readonly orm: MikroORM;
  /** Until all that was staged is in PostgreSQL: at once where nothing is staged. */
  readonly written: () => Promise<void>;
}

export interface BehindStand extends OrmStand {
  readonly service: Spillway;
}

interface BehindOptions extends ShardsOf {
  readonly policy?: Parameters<typeof WriteBehind<Item, 'views'>>[0];
  readonly worker?: boolean | WorkerOptions;
}

/** The policy of items, unless a measurement says otherwise. */
export const policyOfItems = { counters: ['views'] } as const;

/** Items that are written behind. `views` is a counter. Without a worker, only `written()` writes them. */
export async function behind(
  ground: Ground,
  rows: number,
  { policy = {}, worker = false, ...map }: BehindOptions = {},
): Promise<BehindStand> {
  const items = await Items.make(ground.databaseUrl, scaled(ground, rows));
  WriteBehind<Item, 'views'>({ ...policyOfItems, ...policy })(Item.class);
  const orm = await openBehind(ground, [Item], worker, map);
  const service = Spillway.of(orm);
  return {
    ...ending(items, () => orm.close()),
    orm,
    service,
    written: () => writeAll(service),
  };
}

/** MikroORM as it is. */
export async function undecorated(ground: Ground, rows: number): Promise<OrmStand> {
  const items = await Items.make(ground.databaseUrl, scaled(ground, rows));
  const orm = await MikroORM.init({ entities: [Item], clientUrl: ground.databaseUrl });
  return { ...ending(items, () => orm.close()), orm, written: () => Promise.resolve() };
}

/** Connections of `pg`; as many as MikroORM opens, unless it is said. */
export async function bare(
  ground: Ground,
  rows: number,
  connections = 10,
): Promise<Stand & { readonly pool: pg.Pool }> {
  const items = await Items.make(ground.databaseUrl, scaled(ground, rows));
  const pool = new pg.Pool({ connectionString: ground.databaseUrl, max: connections });
  return { ...ending(items, () => pool.end()), pool };
}

function ending(items: Items, close: () => Promise<void>): Stand {
  return {
    items,
    check: () => items.check(),
    async close() {
      await close();
      await items.close();
    },
  };
}
