import { Entity, Enum, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { ScalarReference, wrap, type EntityManager, type Opt } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

enum Size {
  Small = 'small',
  Large = 'large',
}

/** What only the schema generator, the serializer or MikroORM's own bookkeeping reads. */
@Entity()
@WriteBehind()
class Parcel {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Property({ type: 'string', name: 'label_text', comment: 'shown', collation: 'C', length: 40, index: true })
  label!: string;

  @Property({ type: 'integer', unsigned: true, unique: 'parcel_number', check: 'number >= 0', extra: '' })
  number!: number;

  @Property({
    columnType: 'numeric(12,3)',
    precision: 12,
    scale: 3,
    runtimeType: 'string',
    ignoreSchemaChanges: ['type'],
  })
  weight: string & Opt = '0.000';

  @Property({ type: 'string', hidden: true, nullable: true })
  secret?: string | null;

  @Property({ type: 'string', serializer: (value: string) => `<${value}>`, serializedName: 'marked', groups: ['all'] })
  mark: string & Opt = 'none';

  @Enum({ items: () => Size, customOrder: [Size.Large, Size.Small], default: Size.Small })
  size: Size & Opt = Size.Small;

  @Property({ type: 'text', lazy: true, ref: true, nullable: true })
  body?: ScalarReference<string | null> & Opt;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

/** Whose values pass through the class. */
@Entity({ forceConstructor: true })
@WriteBehind()
class Person {
  #mail = '';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string', accessor: true })
  get mail(): string {
    return this.#mail;
  }

  set mail(value: string) {
    this.#mail = value.toLowerCase();
  }

  @Property({ type: 'string', accessor: 'nick', fieldName: 'nick_name' })
  private _nick = '';

  get nick(): string {
    return this._nick;
  }

  set nick(value: string) {
    this._nick = `~${value}`;
  }

  @Property({ type: 'string' })
  first!: string;

  @Property({ type: 'string', persist: true, hydrate: false })
  get shout(): string & Opt {
    return `${this.first}!`;
  }

  @Property({ type: 'string', persist: false, getter: true })
  get whisper(): string & Opt {
    return `${this.first}…`;
  }

  @Property({ type: 'string', persist: false, getter: true, getterName: 'described' as never })
  described(): string & Opt {
    return `${this.first} with a method`;
  }

  @Property({ type: 'string', persist: false, setter: true })
  set called(name: string & Opt) {
    this.first = name;
  }

  @Property({ type: 'datetime', length: 3, onCreate: () => new Date(1_000), onUpdate: () => new Date(2_000) })
  touched!: Date & Opt;

  @Property({ type: 'string', onCreate: (person: Person) => `by ${person.first}`, nullable: true })
  origin?: string & Opt;

  @Property({ type: 'string', defaultRaw: "'fixed'", returning: true })
  kind!: string & Opt;

  @Property({ type: 'integer', default: 7 })
  points!: number & Opt;
}

let both: Twins;

beforeAll(async () => {
  both = await twins([Parcel, Person]);
});

beforeEach(async () => {
  await Spillway.of(both.behind).drain();
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function pending(): Promise<string[]> {
  return Object.keys((await Spillway.of(both.behind).status()).pending);
}

/** What a program sees of an entity: its values, its form for others, and what is loaded. */
const shown = (entity: object): unknown => ({ entity, pojo: wrap(entity).toPOJO(), object: wrap(entity).toObject() });
const read = (entity: new () => object, id: number) => async (em: EntityManager) =>
  shown(await em.findOneOrFail(entity, { id }));

describe('options that leave a value as it is', () => {
  test('of columns, indexes, checks and serialization are staged and read alike', async () => {
    await both.same(async (em) => {
      const made = em.create(Parcel, { id: 1, label: 'Books', number: 3, secret: 'x', mark: 'fragile' });
      await em.flush();
      return shown(made);
    });
    expect(await pending()).toEqual(['Parcel']);
    await both.same(read(Parcel, 1));
    await both.same(async (em) => {
      Object.assign(await em.findOneOrFail(Parcel, 1), { size: Size.Large, weight: '1.250', label: 'Heavy books' });
      await em.flush();
    });
    await both.same(read(Parcel, 1));
    expect(await both.differences()).toEqual([]);
    await both.same(read(Parcel, 1));
    await both.same((em) => em.find(Parcel, {}, { orderBy: { size: 'asc' } }));
  });

  test('a lazy value behind a reference is loaded when it is asked for, and staged when it is set', async () => {
    await both.same(async (em) => {
      em.create(Parcel, { id: 2, label: 'Letter', number: 4, body: new ScalarReference('long') as never });
      await em.flush();
    });
    await both.same(async (em) => (await em.findOneOrFail(Parcel, 2)).body?.load());
    await both.same(async (em) => {
      (await em.findOneOrFail(Parcel, 2)).body?.set('longer');
      await em.flush();
    });
    expect(await pending()).toEqual(['Parcel']);
    await both.same(async (em) => (await em.findOneOrFail(Parcel, 2)).body?.load());
    expect(await both.differences()).toEqual([]);
  });
});

describe('values that pass through the class, and those that MikroORM makes', () => {
  test('accessors, getters, onCreate, onUpdate and defaults', async () => {
    await both.same(async (em) => {
      const made = em.create(Person, { id: 1, mail: 'ANN@EXAMPLE.COM', nick: 'annie', first: 'Ann' } as never);
      await em.flush();
      return shown(made);
    });
    await both.same(read(Person, 1));
    await both.same(async (em) => {
      Object.assign(await em.findOneOrFail(Person, 1), { called: 'Anna', mail: 'ANNA@EXAMPLE.COM', nick: 'a' });
      await em.flush();
    });
    expect(await pending()).toEqual(['Person']);
    await both.same(read(Person, 1));
    expect(await both.differences()).toEqual([]);
    await both.same(read(Person, 1));
  });
});
