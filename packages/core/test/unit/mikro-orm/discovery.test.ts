import { defineEntity, MikroORM, p, Type, type EntitySchema, type Options } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

// Nothing listens there, and nothing must try: discovery opens no connection.
const NOWHERE = { redis: 'redis://localhost:1', clientUrl: 'postgres://nobody@localhost:1/nothing' };

async function discover(
  entities: EntitySchema[],
  options: Partial<SpillwayOptions> = {},
  orm: Partial<Options> = {},
): Promise<MikroORM> {
  const { redis, clientUrl } = NOWHERE;
  return MikroORM.init({ entities, clientUrl, extensions: [spillway({ redis, ...options })], ...orm });
}

async function refusal(...entities: EntitySchema[]): Promise<string> {
  return discover(entities).then(
    () => 'not refused',
    (error: Error) => error.message,
  );
}

function behind<S extends EntitySchema>(schema: S, policy: object = {}): S {
  WriteBehind(policy)(schema.class as never);
  return schema;
}

class WrittenBySql extends Type<string, string> {
  override convertToDatabaseValueSQL(key: string): string {
    return `lower(${key})`;
  }
  override getColumnType(): string {
    return 'text';
  }
}

class ReadBySql extends Type<string, string> {
  override convertToJSValueSQL(key: string): string {
    return `upper(${key})`;
  }
  override getColumnType(): string {
    return 'text';
  }
}

const id = p.integer().primary();
const plain = defineEntity({ name: 'Plain', properties: { id } });
const plainVehicle = defineEntity({ name: 'PlainVehicle', inheritance: 'tpt', properties: { id } });

/** A root and a subclass in one table. */
function family(properties: Parameters<typeof defineEntity>[0]['properties']): [EntitySchema, EntitySchema] {
  const animal = defineEntity({ name: 'Animal', discriminatorColumn: 'kind', properties: { id, kind: p.string() } });
  return [animal, defineEntity({ name: 'Dog', extends: animal, properties: properties as object })];
}

describe('an entity that cannot be written behind is refused at discovery, by name and with the remedy:', () => {
  test('a part of a key that the database numbers', async () => {
    const seat = defineEntity({ name: 'Seat', properties: { row: id, number: p.integer().primary().autoincrement() } });
    const message = await refusal(behind(seat));
    expect(message).toMatch(
      /^Seat cannot be written behind: "number", which is a part of its primary key, is numbered by the database\. Set it in the entity, or remove the policy of Seat\./,
    );
    expect(message).toContain('[ENTITY_UNSUPPORTED]');
  });

  test('an entity whose name another class has too, wherever its policy stands', async () => {
    const make = (tableName: string): EntitySchema => defineEntity({ name: 'Item', tableName, properties: { id } });
    const [ours, theirs] = [make('shop_item'), make('mail_item')];
    const message =
      'Item is the name of two classes (table shop_item and table mail_item), and one of them has a policy: its changes are staged, ' +
      'counted and left by that name. Rename one of them, or keep the names of classes where the code is bundled ' +
      '(esbuild --keep-names, terser keep_classnames) [CONFIG_INVALID]';
    const policies: SpillwayOptions['policies'] = [[ours as never, {}]];
    for (const order of [
      [ours, theirs],
      [theirs, ours],
    ])
      expect((await discover(order, { policies }).catch((error: Error) => error)) as Error).toMatchObject({
        message:
          order[0] === ours
            ? message
            : message.replace('table shop_item and table mail_item', 'table mail_item and table shop_item'),
      });
    expect(await refusal(behind(make('left_item')), behind(make('right_item')))).toContain(
      'table left_item and table right_item',
    );
    expect(await refusal(make('one_item'), make('other_item'))).toBe('not refused');
  });

  test('a relation to rows of several tables', async () => {
    const one = defineEntity({ name: 'One', properties: { id } });
    const other = defineEntity({ name: 'Other', properties: { id } });
    const like = defineEntity({ name: 'Like', properties: { id, on: () => p.manyToOne([one, other]) } });
    WriteBehind()(like.class as never);
    expect(await discover([one, other, like]).catch(({ message }: Error) => message)).toBe(
      'Like cannot be written behind: property "on" is a polymorphic relation. Use one relation per target, or remove the policy of Like. [ENTITY_UNSUPPORTED]',
    );
  });

  test('a schema that is chosen at run time', async () => {
    const tenant = defineEntity({ name: 'Tenant', schema: '*', properties: { id } });
    expect(await refusal(behind(tenant))).toBe(
      'Tenant cannot be written behind: its schema is chosen at run time. Name the schema in the entity, or remove the policy of Tenant. [ENTITY_UNSUPPORTED]',
    );
  });

  test('a reference to a key of several columns inside of a document', async () => {
    const hall = defineEntity({ name: 'Hall', properties: { city: p.string().primary(), number: id } });
    const stay = defineEntity({ name: 'Stay', embeddable: true, properties: { hall: () => p.manyToOne(hall) } });
    const guest = defineEntity({ name: 'Guest', properties: { id, last: () => p.embedded(stay).object() } });
    WriteBehind()(guest.class as never);
    expect(await refusal(hall, stay, guest)).toContain('Guest.last~hall is non-persistent relation');
    const unchecked = { discovery: { checkNonPersistentCompositeProps: false } };
    expect(await discover([hall, stay, guest], {}, unchecked).catch(({ message }: Error) => message)).toBe(
      'Guest cannot be written behind: property "last" is a document with a reference to a key of several columns ("hall"), which MikroORM does not read back. Keep the embeddable in columns of its own, or remove the policy of Guest. [ENTITY_UNSUPPORTED]',
    );
  });

  test('a column that two properties share', async () => {
    const hall = defineEntity({ name: 'Hall', properties: { city: id, number: id } });
    const seat = defineEntity({
      name: 'Seat',
      properties: { id, city: p.integer(), hall: () => p.manyToOne(hall).joinColumns('city', 'hall_number') },
    });
    expect(await refusal(behind(seat), hall)).toMatch(
      /^Seat cannot .* properties "city" and "hall" share the column city\. Give each its own columns/,
    );
  });

  test('a key whose equal values look different', async () => {
    const message = await refusal(
      behind(defineEntity({ name: 'Price', properties: { amount: p.double().primary() } })),
    );
    expect(message).toMatch(
      /^Price cannot .* primary key "amount" has the type double precision\. Use an integer, bigint, uuid, text, varchar, bytea, date or numeric/,
    );
  });

  test('the pivot table of a many-to-many relation', async () => {
    const member = defineEntity({
      name: 'Member',
      properties: { id, group: () => p.manyToOne(group), other: () => p.manyToOne(plain) },
    });
    const group = defineEntity({
      name: 'Group',
      properties: { id, members: () => p.manyToMany(plain).pivotEntity(() => member) },
    });
    expect(await refusal(behind(member), group, plain)).toMatch(
      /^Member cannot .* it is the pivot table of Group\.members, whose rows are written by SQL/,
    );
  });

  test('an entity that is rows of several tables', async () => {
    const vehicle = defineEntity({ name: 'Vehicle', inheritance: 'tpt', properties: { id } });
    const car = defineEntity({ name: 'Car', extends: vehicle, properties: { doors: p.integer() } });
    const message =
      /it uses table-per-type inheritance, where one entity is rows of several tables\. Use single-table inheritance/;
    expect(await refusal(behind(vehicle), car)).toMatch(message);
    const boat = defineEntity({ name: 'Boat', extends: plainVehicle, properties: { sails: p.integer() } });
    expect(await refusal(plainVehicle, behind(boat))).toMatch(message);
  });

  test('subclasses of one table that keep a property in different columns', async () => {
    const [animal, dog] = family({ size: p.string() });
    const bird = defineEntity({ name: 'Bird', extends: animal, properties: { size: p.integer() } });
    expect(await refusal(behind(animal), dog, bird)).toMatch(
      /^Animal cannot .* property "size" is a different column in each subclass\. Give the properties different names/,
    );
  });

  test('a version that only a subclass has', async () => {
    const [animal, dog] = family({ version: p.integer().version() });
    expect(await refusal(behind(animal), dog)).toMatch(
      /^Animal cannot .* its version "version" is declared in a subclass\. Declare it in Animal/,
    );
  });

  test('a subclass with a policy that its root does not have', async () => {
    const [animal, dog] = family({ size: p.string() });
    expect(await refusal(animal, behind(dog))).toMatch(
      /^Dog has a policy of its own, but shares the table of Animal, which has none\. Put @WriteBehind on Animal alone: it is for all rows of the table/,
    );
    const [other, otherDog] = family({ size: p.string() });
    expect(await refusal(behind(other), behind(otherDog, { debounce: '7ms' }))).toMatch(
      /^Dog has a policy of its own, but shares the table of Animal, which has another one/,
    );
    const [same, sameDog] = family({ size: p.string() });
    expect(await refusal(behind(same, { debounce: '7ms' }), behind(sameDog, { debounce: '7ms' }))).toBe('not refused');
  });

  test('a view', async () => {
    const view = defineEntity({
      name: 'Report',
      expression: 'select 1 as number',
      properties: { number: p.integer() },
    });
    expect(await refusal(behind(view as never))).toMatch(/^Report cannot .* it is a view or a virtual entity/);
  });

  test('a generated column, if inserts are not to go by SQL', async () => {
    const line = defineEntity({ name: 'Line', properties: { id, twice: p.integer().generated('(id * 2) stored') } });
    expect(await refusal(behind(line, { inserts: 'refuse' }))).toMatch(
      /^Line cannot .* property "twice" is generated by the database\. .* or let such rows be inserted by SQL \(inserts: 'sql'\)/,
    );
  });

  test.each<[string, (property: ReturnType<typeof p.integer>) => object]>([
    ["nextval\\('tickets'\\)", (number) => number.defaultRaw("nextval('tickets')")],
    ['a trigger', (number) => number.returning()],
    ['a sequence', (number) => number.autoincrement()],
  ])('a default that only the database can make (%s), if inserts are not to go by SQL', async (made, property) => {
    const ticket = defineEntity({ name: 'Ticket', properties: { id, number: property(p.integer()) as never } });
    expect(await refusal(behind(ticket, { inserts: 'refuse' }))).toMatch(
      new RegExp(
        `^Ticket cannot .* the default of property "number" \\(${made}\\) can only be made by the database\\. Set the value in the entity`,
      ),
    );
  });

  test('a key that cannot be set', async () => {
    const parcel = defineEntity({ name: 'Parcel', properties: { id: p.integer().primary().generated('identity') } });
    expect(await refusal(behind(parcel))).toMatch(
      /^Parcel cannot .* its primary key "id" is generated always, so that no key can be set\. Declare it as generated: 'by default as identity'/,
    );
  });

  test('a property that is written through SQL', async () => {
    const place = defineEntity({ name: 'Place', properties: { id, at: p.type(WrittenBySql) } });
    expect(await refusal(behind(place))).toMatch(/^Place cannot .* property "at" is converted by an SQL expression/);
  });

  test('a property that is read through SQL, where the policy compares what was loaded', async () => {
    const place = defineEntity({ name: 'Place', properties: { id, at: p.type(ReadBySql) } });
    expect(await refusal(behind(place, { detect: 'changed-properties' }))).toMatch(
      /^Place cannot .* property "at" is read through an SQL expression/,
    );
  });

  test('a column type that is not known', async () => {
    const stay = defineEntity({ name: 'Stay', properties: { id, during: p.json().columnType('span') } });
    expect(await refusal(behind(stay))).toMatch(
      /^Stay cannot .* property "during" has the column type span, which is not supported yet/,
    );
    const lap = defineEntity({ name: 'Lap', properties: { id, metres: p.mediumint() } });
    expect(await refusal(behind(lap))).toMatch(/^Lap cannot .* "metres" has the column type mediumint/);
  });

  test('a date version finer than milliseconds', async () => {
    const reading = defineEntity({
      name: 'Reading',
      properties: { id, at: p.datetime().columnType('timestamptz(6)').version() },
    });
    expect(await refusal(behind(reading))).toMatch(
      /^Reading cannot .* version "at" is finer than milliseconds \(timestamptz\(6\)\)\. Declare it with length: 3/,
    );
  });

  test('a version that begins below zero, which no version of a record may be', async () => {
    const reading = defineEntity({ name: 'Reading', properties: { id, edition: p.integer().version().default(-3) } });
    expect(await refusal(behind(reading))).toMatch(
      /^Reading cannot .* version "edition" begins below zero \(-3\)\. Give it a default of 0 or more/,
    );
  });

  test('a date version coarser than milliseconds, which rounds to another than its writer holds', async () => {
    const reading = defineEntity({
      name: 'Reading',
      properties: { id, at: p.datetime().columnType('timestamptz(0)').version() },
    });
    expect(await refusal(behind(reading))).toMatch(
      /^Reading cannot .* version "at" is coarser than milliseconds \(timestamptz\(0\)\)\. Declare it with length: 3/,
    );
  });

  test('references in a cycle', async () => {
    const a = defineEntity({ name: 'Hen', properties: { id, egg: () => p.manyToOne(b) } });
    const b: EntitySchema = defineEntity({ name: 'Egg', properties: { id, hen: () => p.manyToOne(a) } });
    expect(await refusal(behind(a), behind(b))).toMatch(
      /its references form a cycle \(.*Hen.*Egg.*\).* Make one of them nullable/,
    );
  });

  test('but not one of relations that are for reading only, of which there need be no constraint', async () => {
    const left: EntitySchema = defineEntity({
      name: 'Left',
      properties: { id, rightId: p.integer(), right: () => p.manyToOne(right).persist(false).joinColumn('right_id') },
    });
    const right: EntitySchema = defineEntity({
      name: 'Right',
      properties: { id, leftId: p.integer(), left: () => p.manyToOne(left).persist(false).joinColumn('left_id') },
    });
    expect(await refusal(behind(left), behind(right))).toBe('not refused');
  });

  test('a merge of references of several columns', async () => {
    const hall = defineEntity({ name: 'Hall', properties: { city: id, number: id } });
    const seat = defineEntity({
      name: 'Seat',
      properties: { id, hall: () => p.manyToOne(hall), version: p.integer().version() },
    });
    expect(await refusal(behind(seat, { conflict: 'merge' }), hall)).toMatch(
      /^conflict of Seat: reference "hall" has several columns, which are neither merged .* Use 'dead-letter', 'overwrite'/,
    );
  });

  test('a counter that cannot be summed exactly', async () => {
    const gauge = defineEntity({ name: 'Gauge', properties: { id, level: p.double() } });
    expect(await refusal(behind(gauge, { counters: ['level'] }))).toMatch(
      /^counters of Gauge: "level" is a double precision column, whose differences cannot be summed exactly\. Counters are integer/,
    );
  });
});

describe('an ORM with the extension', () => {
  test('opens nothing and starts nothing: not at discovery, nor for plain entities', async () => {
    const orm = await discover([plain, behind(defineEntity({ name: 'Thing', properties: { id, name: p.string() } }))]);
    expect(orm.em.fork().create(plain as never, { id: 1 } as never)).toBeDefined();
    expect(Spillway.of(orm)).toBeInstanceOf(Spillway);
    await orm.close();
  });

  test('takes policies for entities that carry no decorator', async () => {
    const thing = defineEntity({ name: 'Seat', properties: { id, at: p.datetime().length(6).version() } });
    await expect(discover([thing], { policies: [[thing.class, {}]] })).rejects.toThrow('Seat cannot be written behind');
  });

  test('keeps its own tables out of the schema generator', async () => {
    const orm = await discover([plain]);
    expect(orm.config.get('schemaGenerator').skipTables).toEqual(
      expect.arrayContaining(['spillway_shard', 'spillway_batch', 'spillway_doubt', 'spillway_registry']),
    );
    await orm.close();
  });

  test('is refused where a flush is no transaction', async () => {
    await expect(discover([plain], {}, { implicitTransactions: false })).rejects.toThrow(
      /implicitTransactions: false, where a flush cannot be staged as one\. Remove that setting/,
    );
  });

  test('without the extension says how to add it', async () => {
    const orm = await MikroORM.init({ entities: [plain], clientUrl: NOWHERE.clientUrl });
    expect(() => Spillway.of(orm)).toThrow(
      'This ORM has no Spillway. Add spillway({ redis: … }) to the extensions of its configuration [CONFIG_INVALID]',
    );
    await orm.close();
  });

  test('that is too old, or whose hooks have moved, is refused and told what is missing', () => {
    const orm = { driver: { find: () => [] }, config: { get: () => true } };
    expect(() => spillway({ redis: NOWHERE.redis }).register(orm as never)).toThrow(
      /^This version of MikroORM \(7\.\d+\.\d+\) does not fit Spillway: its driver has no method count\(\)\. Spillway needs @mikro-orm\/core and @mikro-orm\/postgresql \^7\.1\.9; update one of them \[ORM_INCOMPATIBLE\]/,
    );
  });
});

describe('a cached entity is refused at discovery:', () => {
  const cached = { cache: { ttl: '1m' } };

  test('with a formula that is not lazy', async () => {
    const shelf = defineEntity({ name: 'Shelf', properties: { id, books: p.integer().formula('(select count(*))') } });
    expect(await refusal(behind(shelf, cached))).toBe(
      'cache of Shelf: property "books" is a formula, whose value can change when other rows do. Make it lazy, or remove cache [CONFIG_INVALID]',
    );
  });

  test('on the inverse side of a one-to-one relation', async () => {
    const seat = defineEntity({ name: 'Seat', properties: { id, guest: () => p.oneToOne(guest).mappedBy('seat') } });
    const guest = defineEntity({ name: 'Guest', properties: { id, seat: () => p.oneToOne(seat) } });
    expect(await refusal(behind(seat as never, cached), guest as never)).toMatch(
      /^cache of Seat: property "guest" is the inverse side of a one-to-one relation, whose value can change when other rows do\./,
    );
  });

  test('where connections are given session contexts', async () => {
    const seat = defineEntity({ name: 'Seat', properties: { id } });
    await expect(discover([behind(seat, cached)], {}, { sessionContext: 'connection' } as never)).rejects.toThrow(
      "cache of Seat: with sessionContext: 'connection' PostgreSQL decides who sees which row. Remove cache [CONFIG_INVALID]",
    );
  });
});
