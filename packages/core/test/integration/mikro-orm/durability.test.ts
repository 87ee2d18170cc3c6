import type { Opt } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { MikroORM } from '@mikro-orm/postgresql';
import {
  areRightsLimited,
  database,
  eventually,
  freshNamespace,
  redisWithReplicas,
  type Database,
} from '@spillway/test-support';
import type { ReplicatedRedis } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DurabilityNotReachedError, Spillway, spillway, SpillwayRepository, WriteBehind } from '../../../src/index.js';

const LATER = { debounce: '10s', maxDelay: '20s' } as const;

@WriteBehind({ ...LATER, durability: 'replicated', counters: ['paid'], transactions: 'stage' })
@Entity({ repository: () => SpillwayRepository })
class Payment {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Property({ type: 'integer' })
  paid: number & Opt = 0;

  @Property({ type: 'string' })
  note: string & Opt = '';

  @Property({ type: 'integer', version: true })
  version!: number & Opt;
}

@WriteBehind({ ...LATER, counters: ['views'] })
@Entity({ repository: () => SpillwayRepository })
class Page {
  @PrimaryKey({ type: 'integer', autoincrement: false })
  id!: number;

  @Property({ type: 'integer' })
  views: number & Opt = 0;
}

let db: Database;
let servers: ReplicatedRedis;
let orm: MikroORM;
let ids = 0;

beforeAll(async () => {
  db = await database();
  servers = await redisWithReplicas(1);
  orm = await MikroORM.init({
    entities: [Payment, Page],
    clientUrl: db.url,
    extensions: [
      spillway({
        redis: servers.primary.url,
        namespace: freshNamespace(),
        tables: { ensure: true },
        worker: false,
        stageTimeout: '900ms',
      }),
    ],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await servers[Symbol.asyncDispose]();
  await db.drop();
});

beforeEach(() => {
  ids += 1;
});

const payments = (): SpillwayRepository<Payment> =>
  orm.em.fork().getRepository(Payment) as unknown as SpillwayRepository<Payment>;
const pages = (): SpillwayRepository<Page> => orm.em.fork().getRepository(Page) as unknown as SpillwayRepository<Page>;

/** Setting up waits for nothing. */
async function newPayment(id: number): Promise<void> {
  const repository = payments();
  await repository.save(repository.create({ id }), { durability: 'primary' });
}

async function newPage(id: number): Promise<void> {
  const em = orm.em.fork();
  em.create(Page, { id });
  await em.flush();
}

/** The error of a call that is made while the replica is stopped. It runs again afterwards. */
async function whileStopped(act: () => Promise<unknown>): Promise<unknown> {
  servers.replicas[0]?.pause();
  try {
    return await act().then(
      () => 'it has resolved',
      (error: unknown) => error,
    );
  } finally {
    servers.replicas[0]?.resume();
  }
}

const paidOf = async (id: number): Promise<unknown> => (await orm.em.fork().findOneOrFail(Payment, id)).paid;

describe.skipIf(areRightsLimited())('a flush that has not reached its durability in time', () => {
  test('rejects, says so, and leaves the unit of work as after any flush', async () => {
    const em = orm.em.fork();
    const payment = em.create(Payment, { id: ids, paid: 5 });
    const error = await whileStopped(() => em.flush());
    expect(error).toBeInstanceOf(DurabilityNotReachedError);
    expect(String(error)).toMatch(
      /staged and will be written, but have not reached their durability: 0 of 1 replicas .*Do not make them again.*retry\(\) waits once more.*\[DURABILITY_NOT_REACHED\]$/u,
    );
    expect(payment.version).toBe(1);
    expect(em.getUnitOfWork().getById(Payment, ids)).toBe(payment);
    // Nothing is changed any more, and the next change goes on from what is staged.
    await em.flush();
    payment.paid += 1;
    await eventually(async () => em.flush().then(() => true));
    expect([await paidOf(ids), payment.version]).toEqual([6, 1]);
  });

  test('reaches it by retry(), which stages nothing', async () => {
    await newPayment(ids);
    const error = await whileStopped(async () => {
      const em = orm.em.fork();
      (await em.findOneOrFail(Payment, ids)).paid += 3;
      await em.flush();
    });
    const again = await whileStopped(() => (error as DurabilityNotReachedError).retry());
    expect(again).toBe(error);
    await eventually(async () => (error as DurabilityNotReachedError).retry().then(() => true));
    await (error as DurabilityNotReachedError).retry();
    expect(await paidOf(ids)).toBe(3);
  });

  test('is written all the same', async () => {
    const em = orm.em.fork();
    em.create(Payment, { id: ids, paid: 5 });
    await whileStopped(() => em.flush());
    await eventually(async () =>
      Spillway.of(orm)
        .drain(Payment)
        .then(() => true),
    );
    expect(await orm.em.fork().execute('select paid from payment where id = ?', [ids])).toEqual([{ paid: 5 }]);
  });

  test('fails with the strictest durability of its entities', async () => {
    const em = orm.em.fork();
    em.create(Payment, { id: ids });
    em.create(Page, { id: ids });
    expect(await whileStopped(() => em.flush())).toMatchObject({ code: 'DURABILITY_NOT_REACHED' });
    const other = orm.em.fork();
    other.create(Page, { id: ids + 1_000 });
    expect(await whileStopped(() => other.flush())).toBe('it has resolved');
  });
});

describe.skipIf(areRightsLimited())('a call', () => {
  beforeEach(async () => {
    await newPayment(ids);
    await newPage(ids);
  });

  const replicated = { durability: 'replicated' } as const;
  const primary = { durability: 'primary' } as const;

  test.each<readonly [string, (durability: typeof replicated | typeof primary) => Promise<unknown>]>([
    ['save()', async (how) => pages().save(changed(await pages().findOneOrFail(ids)), how)],
    ['remove()', async (how) => pages().remove(await pages().findOneOrFail(ids), how)],
    ['patch()', async (how) => pages().patch(ids, { views: 2 }, how)],
    ['increment()', async (how) => pages().increment(ids, { views: 1 }, how)],
    ['incrementMany()', async (how) => pages().incrementMany([{ key: ids, by: { views: 1 } }], how)],
    ['patch() of the service', async (how) => Spillway.of(orm).patch(Page, ids, { views: 2 }, how)],
  ])('%s chooses its durability itself', async (_, call) => {
    expect(await whileStopped(async () => call(replicated))).toMatchObject({ code: 'DURABILITY_NOT_REACHED' });
    await newPage((ids += 1_000));
    expect(await whileStopped(async () => call(primary))).toBe('it has resolved');
  });

  test('asks for less than its policy, too', async () => {
    expect(await whileStopped(async () => payments().increment(ids, { paid: 1 }, primary))).toBe('it has resolved');
    expect(await whileStopped(async () => payments().increment(ids, { paid: 1 }))).toBeInstanceOf(
      DurabilityNotReachedError,
    );
    expect(await paidOf(ids)).toBe(2);
  });

  test('refuses a durability that there is not', async () => {
    const never = { durability: 'always' as never };
    const refused = (call: string): RegExp =>
      new RegExp(
        `durability in the options of ${call} is 'always'; it must be 'primary', 'replicated' or 'fsynced'`,
        'u',
      );
    await expect(pages().save([], never)).rejects.toThrow(refused('save\\(\\)'));
    await expect(pages().patch(ids, { views: 1 }, never)).rejects.toThrow(refused('patch\\(\\)'));
  });

  test("is refused with 'fsynced' where nothing tells what is on disk, or waits for it", async () => {
    const saved = pages().increment(ids, { views: 1 }, { durability: 'fsynced' });
    const answer = await saved.then(
      () => 'DURABILITY_REACHED',
      (error: unknown) => (error as { code: string }).code,
    );
    expect(['DURABILITY_UNSUPPORTED', 'DURABILITY_REACHED']).toContain(answer);
  });
});

function changed(page: Page): Page {
  page.views += 1;
  return page;
}

describe.skipIf(areRightsLimited())('a transaction that holds', () => {
  test('what the replicas do not have is not held: it is rolled back, and nothing of it is staged', async () => {
    await newPayment(ids);
    const error = await whileStopped(async () =>
      orm.em.fork().transactional(async (em) => {
        (await em.findOneOrFail(Payment, ids)).paid += 1;
      }),
    );
    expect(error).toMatchObject({ code: 'DURABILITY_NOT_REACHED' });
    await eventually(async () => expect((await Spillway.of(orm).status()).held).toBe(0));
    expect(await paidOf(ids)).toBe(0);
  });
});
