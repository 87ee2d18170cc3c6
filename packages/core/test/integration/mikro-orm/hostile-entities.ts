import type { Opt, Ref } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { MikroORM } from '@mikro-orm/postgresql';
import { randomUUID } from 'node:crypto';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

/** A row with every kind of value that has more than one way to be written. */
@Entity()
@WriteBehind({ counters: ['views'] })
export class Item {
  @PrimaryKey({ type: 'uuid' })
  id: string & Opt = randomUUID();

  @Property({ type: 'string' })
  name: string & Opt = 'item';

  @Property({ type: 'integer' })
  amount: number & Opt = 0;

  /** Null in the database until it is counted. */
  @Property({ type: 'integer', nullable: true })
  views!: number & Opt;

  @Property({ type: 'decimal', precision: 10, scale: 2, nullable: true })
  price?: string | null;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

/** A key that is not made up, and no version: the last write wins, so the order of writes is all there is. */
@Entity()
@WriteBehind()
export class Setting {
  @PrimaryKey({ type: 'text' })
  id!: string;

  @Property({ type: 'string' })
  value!: string;
}

@Entity()
@WriteBehind({ retry: { attempts: 2, minDelay: '1ms', maxDelay: '10ms' } })
export class Person {
  @PrimaryKey({ type: 'text' })
  id!: string;

  @Property({ type: 'string', nullable: true })
  label?: string;

  @ManyToOne({ entity: () => Person, ref: true, nullable: true })
  partner?: Ref<Person> | null;
}

/** Written by MikroORM as always. */
@Entity()
export class Remark {
  @PrimaryKey({ type: 'integer' })
  id!: number & Opt;

  @Property({ type: 'string' })
  text!: string;
}

/** Stages only: what is pending stays pending until a test drains it. */
export async function hostileOrm(databaseUrl: string, settings: Partial<SpillwayOptions> = {}): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Item, Setting, Person, Remark],
    clientUrl: databaseUrl,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        tables: { ensure: true },
        worker: false,
        ...settings,
      }),
    ],
  });
}
