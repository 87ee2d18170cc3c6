import { randomUUID } from 'node:crypto';
import type { Opt } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { defineConfig, type Options } from '@mikro-orm/postgresql';
import { WriteBehind } from '@spillway/core';
import pg from 'pg';

@Entity()
@WriteBehind({ debounce: '10ms', counters: ['views'] })
export class Product {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();
  @Property({ type: 'text' })
  name!: string;
  @Property({ type: 'integer' })
  views: number & Opt = 0;
  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

/** Carries no policy. */
@Entity()
export class Cart {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();
  @Property({ type: 'integer' })
  items: number & Opt = 0;
}

const TABLES = `
  create table product (id uuid primary key, name text not null, views int not null default 0, version int not null default 1);
  create table cart (id uuid primary key, items int not null default 0);`;

export async function createTables(url: string): Promise<void> {
  await query(url, TABLES);
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows ?? [];
  } finally {
    await client.end();
  }
}

export function shopConfig(url: string, extensions: Options['extensions'] = []): Options {
  return defineConfig({
    clientUrl: url,
    useBatchUpdates: false,
    entities: [Product, Cart],
    extensions,
    debug: false,
    allowGlobalContext: true,
  });
}
