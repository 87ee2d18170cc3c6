import { randomUUID } from 'node:crypto';
import type { Opt } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { spillway, WriteBehind, WriteThrough, type SpillwayOptions } from '../../../src/index.js';

@Entity()
@WriteThrough({ cache: { ttl: '5m' } })
export class Author {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

@Entity()
@WriteBehind({ debounce: '10ms', maxDelay: '50ms', counters: ['loans'], cache: { ttl: '5m' } })
export class Book {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'string' })
  title!: string;

  @Property({ type: 'integer' })
  loans: number & Opt = 0;

  @ManyToOne({ entity: () => Author, nullable: true, deleteRule: 'cascade' })
  author?: Author | null;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

export async function libraryOrm(
  databaseUrl: string,
  settings: Partial<SpillwayOptions>,
  orm: Partial<Options> = {},
): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Author, Book],
    clientUrl: databaseUrl,
    extensions: [spillway({ tables: { ensure: true }, ...settings })],
    ...orm,
  });
}
