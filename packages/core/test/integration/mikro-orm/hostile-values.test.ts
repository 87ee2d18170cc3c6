import { defineEntity, MikroORM, p, type EntityName } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, sized, thinned, type Database } from '@spillway/test-support';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import { EVERY_TYPE } from './every-type.js';
import { HOSTILE_TEXT, HOSTILE_VALUES, type HostileValue } from './hostile-values.js';

const SEED = Number(process.env['SPILLWAY_TEST_SEED'] ?? 20_260_101);
const RANDOM_TEXTS = 12;

const names = Object.keys(EVERY_TYPE);
const columns = Object.fromEntries(
  Object.entries(EVERY_TYPE).map(([name, { property }]) => [name, property.nullable()]),
) as Record<string, never>;

const properties = { id: p.integer().primary(), ...columns };
const Behind = defineEntity({ name: 'Behind', properties });
const Twin = defineEntity({ name: 'Twin', properties });
WriteBehind({ debounce: '1h', maxDelay: '1h', retry: { attempts: 1, minDelay: '1ms', maxDelay: '2ms' } })(Behind.class);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Behind, Twin],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.em.execute(
    'create extension citext; create extension hstore; create extension ltree; create extension cube; create domain shout as varchar(10) check (value = upper(value))',
  );
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

type Write = (entity: EntityName, id: number, values: object) => Promise<unknown>;

/** The ways in which a value gets to its column. */
const WAYS: Readonly<Record<string, Write>> = {
  'a new row': async (entity, id, values) => {
    const em = orm.em.fork();
    em.create(entity, { id, ...values } as never);
    await em.flush();
  },
  'a changed row': async (entity, id, values) => {
    const em = orm.em.fork();
    await em.insert(entity, { id });
    Object.assign(await em.findOneOrFail(entity, id as never), values);
    await em.flush();
  },
  'em.insert()': async (entity, id, values) => orm.em.fork().insert(entity, { id, ...values }),
  'em.upsert()': async (entity, id, values) => orm.em.fork().upsert(entity, { id, ...values }),
  'em.nativeUpdate()': async (entity, id, values) => {
    await orm.em.fork().insert(entity, { id });
    await orm.em.fork().nativeUpdate(entity, { id }, values as never);
  },
};

/** What became of a value: what is in the column, or that it was refused, now or when it was written. */
type Fate = string | null | 'nothing is stored';

/** So many rows that are refused alike do not look like a broken table. */
const ROWS_AT_A_TIME = 8;
let nextId = 1;

async function fatesOf(
  entity: EntityName,
  name: string,
  write: Write,
  values: readonly HostileValue[],
): Promise<Fate[]> {
  const fates: Fate[] = [];
  for (let from = 0; from < values.length; from += ROWS_AT_A_TIME)
    fates.push(...(await fatesOfFew(entity, name, write, values.slice(from, from + ROWS_AT_A_TIME))));
  return fates;
}

async function fatesOfFew(
  entity: EntityName,
  name: string,
  write: Write,
  values: readonly HostileValue[],
): Promise<Fate[]> {
  const first = nextId;
  nextId += values.length;
  const refused = new Set<number>();
  for (const [position, { make }] of values.entries()) {
    await write(entity, first + position, { [name]: make() }).catch(() => refused.add(position));
  }
  // What has to give way once is tried again.
  for (let tries = 0; tries < 20 && (await isPending()); tries++) await Spillway.of(orm).drain();
  expect(await isPending()).toBe(false);
  const { tableName } = orm.getMetadata().get(entity as never);
  const rows = await orm.em
    .getConnection()
    .execute<{ id: number; value: string | null }[]>(
      `select id, "${name}"::text as value from "${tableName}" where id >= ${first}`,
    );
  const stored = new Map(rows.map(({ id, value }) => [id - first, value]));
  return values.map((_, position) => (refused.has(position) ? NOTHING : (stored.get(position) ?? NOTHING)));
}

const NOTHING = 'nothing is stored';

async function isPending(): Promise<boolean> {
  return (await Spillway.of(orm).status()).pending['Behind'] !== undefined;
}

/** Values of which another one is stored than by plain MikroORM, or one that it does not store at all. */
async function wrongFates(name: string, way: string, values: readonly HostileValue[]): Promise<object[]> {
  const write = WAYS[way] as Write; // one of its keys
  const byMikroOrm = await fatesOf(Twin as never, name, write, values);
  const ours = await fatesOf(Behind as never, name, write, values);
  return values.flatMap(({ label }, position) =>
    ours[position] === byMikroOrm[position]
      ? []
      : [{ value: label, byMikroOrm: byMikroOrm[position], ours: ours[position] }],
  );
}

describe.each(names)('a value that a column of the type %s should not have', (name) => {
  test('is stored as by plain MikroORM, or refused as it is refused there', async () => {
    // Types that are read in one way are given all of them, the others some.
    const values = FEW.includes(name)
      ? thinned([...HOSTILE_VALUES, ...randomTexts()], FEW.indexOf(name))
      : someValues(20);
    expect(await wrongFates(name, 'a new row', values)).toEqual([]);
  });
});

/** One of every kind of conversion. */
const FEW = names.filter((name) =>
  [
    'integer',
    'bigint',
    'double_precision',
    'numeric_20_4',
    'boolean',
    'varchar',
    'uuid',
    'date',
    'timestamptz_3',
    'jsonb',
    'bytea',
    'interval',
    'integer_array',
  ].includes(name),
);

describe.each(Object.keys(WAYS).filter((way) => way !== 'a new row'))(
  'a value that its column should not have, by %s,',
  (way) => {
    test.each(FEW)('of the type %s is stored as by plain MikroORM, or refused as it is refused there', async (name) => {
      expect(await wrongFates(name, way, someValues(10))).toEqual([]);
    });
  },
);

describe('patch()', () => {
  test.each(FEW)('of the type %s stores what plain MikroORM stores, or refuses', async (name) => {
    const values = someValues(16);
    const byMikroOrm = await fatesOf(Twin as never, name, WAYS['em.nativeUpdate()'] as Write, values);
    const patched = await fatesOf(
      Behind as never,
      name,
      async (_, id, given) => {
        await orm.em.fork().insert(Behind as never, { id } as never);
        const { message } = await Spillway.of(orm)
          .patch(Behind as never, id as never, given as never)
          .then(
            () => ({ message: 'A patch' }),
            (error: Error) => error,
          );
        expect(message).toMatch(/A patch/);
        if (message !== 'A patch') throw new Error(message);
      },
      values,
    );
    const wrong = patched.filter((fate, position) => fate !== NOTHING && fate !== byMikroOrm[position]);
    expect(wrong).toEqual([]);
  });
});

function randomTexts(): HostileValue[] {
  return fc.sample(HOSTILE_TEXT, { seed: SEED, numRuns: RANDOM_TEXTS });
}

/** Others with another seed. */
function someValues(count: number): HostileValue[] {
  return fc.sample(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...HOSTILE_VALUES) }, HOSTILE_TEXT), {
    seed: SEED,
    numRuns: sized({ short: Math.ceil(count / 4), long: count }),
  });
}
