/**
 * The orders of a shop: stock and customers are changed by two writer processes with four orders at a time each; what
 * is written behind has one worker process. `orders-writer.ts` shows how each side sells.
 */
import { Redis } from 'ioredis';
import { Spillway } from '@spillway/core';
import type { Ground, OpenSide, Readings, Sides } from '../process/side.js';
import { startMember } from '../process/start-member.js';
import type { RunningSide } from '../process/start-side.js';
import { openShop } from '../support/orders/open-shop.js';
import { rowsOf, type Traffic } from '../support/orders/order.js';
import { Shop } from '../support/orders/shop.js';
import { trafficOf } from '../support/orders/traffic.js';
import { PendingWatch } from '../support/watch-pending.js';

const WRITERS = 2;

export const sides: Sides = {
  'written behind': (ground) => behind(ground, 'written behind', 'worker', false),
  counters: (ground) => behind(ground, 'counters', 'increments worker', true),
  increments: (ground) => behind(ground, 'increments', 'increments worker', true),
  'native updates': (ground) => direct(ground, 'native updates'),
  'row locks': (ground) => direct(ground, 'row locks'),
  versioned: (ground) => direct(ground, 'versioned'),
  bullmq: queued,
};

async function behind(ground: Ground, writer: string, writingWorker: string, counters: boolean): Promise<OpenSide> {
  const traffic = trafficOf(ground);
  const shop = await Shop.make(ground.databaseUrl, traffic);
  const worker = await startMember('orders-writer', writingWorker, ground);
  const writers = await startWriters(ground, writer);
  // It only looks at what is pending.
  const orm = await openShop(ground, { counters });
  const redis = new Redis(ground.redisUrl);
  const saves = savesOf(traffic);
  let rounds = 0;
  return {
    async round(round) {
      rounds += 1;
      const transactionsBefore = await shop.transactions();
      const watch = await PendingWatch.begin(Spillway.of(orm), redis);
      const begin = performance.now();
      const answers = await inAll(writers, round);
      const accepted = performance.now();
      answers.push(await worker.round(round));
      const ended = performance.now();
      const { oldestP50, oldestP99, bytesAtMost } = await watch.end();
      const transactions = (await shop.transactions()) - transactionsBefore;
      const rows = sum(answers, 'written');
      return {
        speed: (1_000 * saves) / (accepted - begin),
        written: (1_000 * saves) / (ended - begin),
        rows,
        coalescing: saves / rows,
        batch: rows / transactions,
        refused: sum(answers, 'refused'),
        oldestP50,
        oldestP99,
        bytes: bytesAtMost,
      };
    },
    check: () => shop.check(rounds),
    async close() {
      redis.disconnect();
      for (const member of [...writers, worker]) await member.close();
      await orm.close();
      await shop.close();
    },
  };
}

/** Each save writes its row at once, so nothing is pending. */
async function direct(ground: Ground, side: string): Promise<OpenSide> {
  const traffic = trafficOf(ground);
  const shop = await Shop.make(ground.databaseUrl, traffic);
  const writers = await startWriters(ground, side);
  const saves = savesOf(traffic);
  let rounds = 0;
  return {
    async round(round) {
      rounds += 1;
      const begin = performance.now();
      const answers = await inAll(writers, round);
      const speed = (1_000 * saves) / (performance.now() - begin);
      const batch = saves / traffic.orders.length;
      return { speed, written: speed, rows: saves, coalescing: 1, batch, refused: sum(answers, 'refused') };
    },
    check: () => shop.check(rounds),
    async close() {
      for (const writer of writers) await writer.close();
      await shop.close();
    },
  };
}

/** An order is a job, and a worker process adds up the jobs of a batch. */
async function queued(ground: Ground): Promise<OpenSide> {
  const traffic = trafficOf(ground);
  const shop = await Shop.make(ground.databaseUrl, traffic);
  const worker = await startMember('orders-writer', 'bullmq worker', ground);
  const writers = await startWriters(ground, 'bullmq');
  const saves = savesOf(traffic);
  let rounds = 0;
  return {
    async round(round) {
      rounds += 1;
      const begin = performance.now();
      await inAll(writers, round);
      const accepted = performance.now();
      const { written = 0, transactions = 0 } = await worker.round(round);
      return {
        speed: (1_000 * saves) / (accepted - begin),
        written: (1_000 * saves) / (performance.now() - begin),
        rows: written,
        coalescing: saves / written,
        batch: written / transactions,
        refused: 0,
      };
    },
    check: () => shop.check(rounds),
    async close() {
      for (const member of [...writers, worker]) await member.close();
      await shop.close();
    },
  };
}

/** A save is a row that an order changes: one of its products, or its customer. */
function savesOf({ orders }: Traffic): number {
  return orders.reduce((all, order) => all + rowsOf(order), 0);
}

function startWriters(ground: Ground, side: string): Promise<readonly RunningSide[]> {
  return Promise.all(
    Array.from({ length: WRITERS }, async (_, member) => startMember('orders-writer', side, { ...ground, member })),
  );
}

function inAll(members: readonly RunningSide[], round: number): Promise<Readings[]> {
  return Promise.all(members.map(async (member) => member.round(round)));
}

function sum(answers: readonly Readings[], reading: string): number {
  return answers.reduce((all, readings) => all + (readings[reading] ?? 0), 0);
}
