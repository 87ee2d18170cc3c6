/**
 * The processes of one side of "orders". A writer takes every second order of the traffic, four at a time, and changes
 * the row of each product and of the customer; workers write what the others have staged. A job of `bullmq` is a whole
 * order, which nobody loads anything for.
 */
import { LockMode, MikroORM, OptimisticLockError, raw, type EntityManager } from '@mikro-orm/postgresql';
import { Spillway, StagingPartialError } from '@spillway/core';
import type { Ground, OpenSide, Sides } from '../process/side.js';
import { during } from '../support/callers.js';
import { openShop } from '../support/orders/open-shop.js';
import type { Order } from '../support/orders/order.js';
import { Customer, Product } from '../support/orders/shop.js';
import { writeOrders, type OrderJob } from '../support/queue/queued-orders.js';
import { QueueWorker, WriteQueue } from '../support/queue/write-queue.js';
import { trafficOf } from '../support/orders/traffic.js';
import { writeAll } from '../support/write-all.js';

const WRITERS = 2;
const ORDERS_AT_ONCE = 4;

/** @returns how often it was refused before it was done */
type Sell = (em: EntityManager, order: Order) => Promise<number>;

export const sides: Sides = {
  async 'written behind'(ground) {
    const orm = await openShop(ground);
    return writer(ground, orm, sellVersioned, writtenBy(orm));
  },
  /** The same lines upon counters: what is assigned leaves as a difference. */
  async counters(ground) {
    const orm = await openShop(ground, { counters: true });
    return writer(ground, orm, sellVersioned, writtenBy(orm));
  },
  async increments(ground) {
    const orm = await openShop(ground, { counters: true });
    return writer(ground, orm, async (_, order) => sellByIncrements(Spillway.of(orm), order), writtenBy(orm));
  },
  versioned: async (ground) => writer(ground, await openPlain(ground, false), sellVersioned),
  'native updates': async (ground) => writer(ground, await openPlain(ground), sellNatively),
  'row locks': async (ground) => writer(ground, await openPlain(ground), sellLocked),
  async bullmq(ground) {
    const queue = new WriteQueue<OrderJob>(ground);
    const stand = writing(ground, async ({ units, ...order }) => {
      await queue.add({ units: [...units], ...order });
      return 0;
    });
    return { ...stand, close: () => queue.close() };
  },
  async 'bullmq worker'(ground) {
    const queue = new WriteQueue<OrderJob>(ground);
    let since = { written: 0, transactions: 0 };
    const worker = await QueueWorker.make<OrderJob>(ground, async (client, batch) => {
      const rows = await writeOrders(client, batch);
      since = { written: since.written + rows, transactions: since.transactions + 1 };
    });
    worker.start();
    return {
      async round() {
        await queue.written();
        const readings = since;
        since = { written: 0, transactions: 0 };
        return readings;
      },
      check: () => Promise.resolve(),
      async close() {
        await worker.close();
        await queue.close();
      },
    };
  },
  worker: async (ground) => workerOf(await openShop(ground, { worker: true })),
  'increments worker': async (ground) => workerOf(await openShop(ground, { worker: true, counters: true })),
};

/** Find by key, change, flush. The lines are the same with Spillway and without. Whatever was refused is done again. */
async function sellVersioned(em: EntityManager, { units, customer, cents }: Order): Promise<number> {
  const left = { units: new Map(units), customer };
  for (let refused = 0; ; refused += 1) {
    const fork = em.fork();
    if (left.units.size > 0)
      for (const product of await fork.find(Product, [...left.units.keys()]))
        product.stock -= left.units.get(product.id) ?? 0;
    if (left.customer !== undefined) {
      const row = await fork.findOneOrFail(Customer, left.customer);
      row.orders += 1;
      row.spentCents += cents;
    }
    try {
      await fork.flush();
      return refused;
    } catch (error) {
      // What was staged is done. MikroORM's own error says that nothing is.
      if (!(error instanceof StagingPartialError) && !isRefusal(error)) throw error;
      for (const row of error instanceof StagingPartialError ? error.staged : []) {
        if (row instanceof Product.class) left.units.delete(row.id);
        else left.customer = undefined;
      }
    }
  }
}

/** Spillway adds, so nothing is loaded and nothing is refused. */
async function sellByIncrements(service: Spillway, { units, customer, cents }: Order): Promise<number> {
  await Promise.all([
    ...[...units].map(async ([id, sold]) => service.increment(Product, id, { stock: -sold })),
    ...(customer === undefined ? [] : [service.increment(Customer, customer, { orders: 1, spentCents: cents })]),
  ]);
  return 0;
}

/** The database adds, so nothing is loaded and nothing is refused. All orders lock rows in the same order. */
async function sellNatively(em: EntityManager, { units, customer, cents }: Order): Promise<number> {
  await em.fork().transactional(async (transaction) => {
    for (const [id, sold] of units)
      await transaction.nativeUpdate(Product, id, { stock: raw<number>('stock - ?', [sold]) });
    if (customer !== undefined)
      await transaction.nativeUpdate(Customer, customer, {
        orders: raw<number>('orders + 1'),
        spentCents: raw<number>('spent_cents + ?', [cents]),
      });
  });
  return 0;
}

/** One statement locks the products, one writes them. */
async function sellLocked(em: EntityManager, { units, customer, cents }: Order): Promise<number> {
  await em.fork().transactional(async (transaction) => {
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, orderBy: { id: 'asc' } } as const;
    for (const product of await transaction.find(Product, [...units.keys()], lock))
      product.stock -= units.get(product.id) ?? 0;
    if (customer === undefined) return;
    const row = await transaction.findOneOrFail(Customer, customer, { lockMode: lock.lockMode });
    row.orders += 1;
    row.spentCents += cents;
  });
  return 0;
}

/** Two orders that lock each other's rows are one of PostgreSQL's refusals. */
function isRefusal(error: unknown): boolean {
  return error instanceof OptimisticLockError || (error instanceof Error && error.name === 'DeadlockException');
}

/**
 * @param useBatchUpdates `false`: a statement for each row, which compares its version. Before 7.2.5, MikroORM compares
 *   the versions of many rows by a query of its own, and loses what is committed before it writes them
 */
function openPlain({ databaseUrl: clientUrl }: Ground, useBatchUpdates = true): Promise<MikroORM> {
  return MikroORM.init({ entities: [Product, Customer], clientUrl, useBatchUpdates });
}

function writer(ground: Ground, orm: MikroORM, sell: Sell, written?: () => number): OpenSide {
  return { ...writing(ground, (order) => sell(orm.em, order), written), close: () => orm.close() };
}

function writing(
  ground: Ground,
  sell: (order: Order) => Promise<number>,
  written: () => number = () => 0,
): Pick<OpenSide, 'round' | 'check'> {
  const orders = trafficOf(ground).orders.filter((_, index) => index % WRITERS === ground.member);
  return {
    async round() {
      let refused = 0;
      await during(orders.length, ORDERS_AT_ONCE, async (call) => {
        const order = orders[call];
        if (order) refused += await sell(order);
      });
      return { refused, written: written() };
    },
    check: () => Promise.resolve(),
  };
}

function workerOf(orm: MikroORM): OpenSide {
  const written = writtenBy(orm);
  return {
    async round() {
      await writeAll(Spillway.of(orm));
      return { written: written() };
    },
    check: () => Promise.resolve(),
    close: () => orm.close(),
  };
}

/** Rows that this process has written to PostgreSQL for Spillway since it was asked last. */
function writtenBy(orm: MikroORM): () => number {
  let rows = 0;
  Spillway.of(orm).on('written', ({ records, recordsAgain, recordsDead }) => {
    rows += records - recordsAgain - recordsDead;
  });
  return () => {
    const since = rows;
    rows = 0;
    return since;
  };
}
