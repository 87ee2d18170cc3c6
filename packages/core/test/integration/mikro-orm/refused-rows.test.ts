import { defineEntity, MikroORM, p, type EntitySchema } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isDrainTimeout } from '../../../src/errors.js';
import { Spillway, spillway, type SpillwayEvent } from '../../../src/index.js';

const ROWS = 800;
const PATIENCE_MS = 120_000;
const ATTEMPTS = 4;

const Parcel: EntitySchema = defineEntity({
  name: 'Parcel',
  properties: {
    id: p.integer().primary(),
    weight: p.integer(),
    version: p.integer().version(),
  },
  checks: [{ expression: 'weight > 0' }],
});
const Note: EntitySchema = defineEntity({
  name: 'Note',
  properties: { id: p.integer().primary(), text: p.string().length(10), version: p.integer().version() },
});

let db: Database;
let orm: MikroORM;
let logged: string[];
let events: SpillwayEvent[];
beforeAll(async () => {
  db = await database();
});
beforeEach(async () => {
  logged = [];
  const note = (line: string): void => void logged.push(line);
  orm = await MikroORM.init({
    entities: [Parcel, Note],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        tables: { ensure: true },
        shards: 16,
        defaults: { debounce: '5ms', retry: { attempts: ATTEMPTS, minDelay: '10ms', maxDelay: '50ms' } },
        policies: [
          [Parcel, {}],
          [Note, {}],
        ],
        logger: { info: note, warn: note, error: note, debug: () => undefined },
      }),
    ],
  });
  await orm.schema.refresh();
  events = [];
  Spillway.of(orm).events$.subscribe((event) => events.push(event));
});
afterEach(async () => orm.close());
afterAll(async () => db.drop());

const dead = async (): Promise<number> => (await Spillway.of(orm).status()).dead;
const again = (): number => events.reduce((sum, event) => sum + (event.type === 'written' ? event.recordsAgain : 0), 0);

async function stageParcels(isRefused: (id: number) => boolean): Promise<number> {
  const em = orm.em.fork();
  const refused = Array.from({ length: ROWS }, (_, id) => isRefused(id)).filter(Boolean).length;
  for (let id = 0; id < ROWS; id += 1) em.create(Parcel, { id, weight: isRefused(id) ? -1 : 1 } as never);
  await em.flush();
  return refused;
}

const SHARES: readonly [string, (id: number) => boolean][] = [
  ['every second row', (id) => id % 2 === 0],
  ['every row', () => true],
  ['one row in a hundred', (id) => id % 100 === 0],
];

describe('of many rows of which a check refuses', { timeout: 2 * PATIENCE_MS }, () => {
  test.each(SHARES)(
    '%s, the good ones are written, the others are dead letters after their attempts',
    async (_, bad) => {
      const refused = await stageParcels(bad);
      const em = orm.em.fork();
      for (let id = 0; id < 100; id += 1)
        em.create(Note, { id, text: id < 50 ? 'short' : 'longer than that' } as never);
      await em.flush();
      await eventually(async () => expect(await dead()).toBe(refused + 50), { timeoutMs: PATIENCE_MS });
      const [rows] = await orm.em.getConnection().execute('select count(*)::int as n from parcel');
      expect(rows).toEqual({ n: ROWS - refused });
      // Each refused row comes back after every attempt but the last one, and no other row comes back.
      expect(again()).toBe((refused + 50) * (ATTEMPTS - 1));
    },
  );

  test('every second row, queries that drain meanwhile do not have them tried more often', async () => {
    const refused = await stageParcels((id) => id % 2 === 0);
    await eventually(
      async () => {
        // On a slow machine a query may have to wait too long for what is written.
        await orm.em
          .fork()
          .find(Parcel, { weight: { $gt: 5 } })
          .catch((error: Error) => {
            if (!isDrainTimeout(error)) throw error;
          });
        expect(await dead()).toBe(refused);
      },
      { timeoutMs: PATIENCE_MS },
    );
    expect(again()).toBe(refused * (ATTEMPTS - 1));
  });

  test('every second row, the log has lines with counts, and no line hundreds of times', async () => {
    const refused = await stageParcels((id) => id % 2 === 0);
    await eventually(async () => expect(await dead()).toBe(refused), { timeoutMs: PATIENCE_MS });
    expect(logged.length).toBeLessThan(100);
    const counted = logged.map((line) => /(\d+) changes of Parcel became dead letters/.exec(line)?.[1] ?? '0');
    const single = logged.filter((line) => /a change of Parcel \d+ became a dead letter/.test(line)).length;
    expect(counted.reduce((sum, count) => sum + Number(count), single)).toBe(refused);
  });
});
