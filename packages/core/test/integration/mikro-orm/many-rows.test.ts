import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import { memoryStaging } from '../../../src/testing/index.js';

/** A function takes fewer arguments than this: an array that is spread into a call ends in a `RangeError`. */
const MANY = 300_000;
const LONG_MS = 300_000;

const Tick = defineEntity({
  name: 'Tick',
  properties: { id: p.integer().primary().autoincrement(), value: p.integer() },
});
WriteBehind()(Tick.class as never);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Tick],
    clientUrl: db.url,
    extensions: [spillway({ staging: () => memoryStaging(), worker: false, tables: { ensure: true } })],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

test(`${MANY} rows with numbered keys are staged by one em.insertMany()`, { timeout: LONG_MS }, async () => {
  const rows = Array.from({ length: MANY }, (_, value) => ({ value }));
  await orm.em.fork().insertMany(Tick, rows);
  expect((await Spillway.of(orm).status()).pending['Tick']).toBe(MANY);
  expect((await orm.em.fork().findOneOrFail(Tick, MANY)).value).toBe(MANY - 1);
});
