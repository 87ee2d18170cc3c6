import { eventually, postgres, TcpProxy, type PrivatePostgres } from '@spillway/test-support';
import { Spillway } from '@spillway/core';
import type { FlushStep, FlushSteps } from '@spillway/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';
import type { Rows } from './support/compare.js';
import { breakGround, type Ground } from './support/ground.js';

let server: PrivatePostgres;
beforeAll(async () => {
  server = await postgres();
});
afterAll(async () => server.stop());

/** Inserts, increments and an update with a version, for a worker that has not been started yet. */
async function stageChanges({ orm, spillway }: Ground): Promise<void> {
  const em = orm.em.fork();
  for (let number = 0; number < 8; number++) {
    em.create(Page, { id: `page ${number}`, hits: number });
    em.create(Item, { id: `item ${number}`, text: 'first' });
  }
  await em.flush();
  await spillway.drain();
  for (let number = 0; number < 8; number++) {
    (await em.findOneOrFail(Item, `item ${number}`)).text = 'second';
    em.create(Item, { id: `new ${number}`, text: 'new' });
    await spillway.increment(Page, `page ${number}`, { hits: 100 });
  }
  await em.flush();
}

/** The rows, once all of that is written. */
const CHANGED: Rows = {
  pages: numbered((number) => ({ id: `page ${number}`, hits: 100 + number })),
  items: [
    ...numbered((number) => ({ id: `item ${number}`, text: 'second', version: 2 })),
    ...numbered((number) => ({ id: `new ${number}`, text: 'new', version: 1 })),
  ],
};

function numbered<T>(make: (number: number) => T): T[] {
  return Array.from({ length: 8 }, (_, number) => make(number));
}

/** Does something after the first time of a step, while the flush waits. */
function onceAfter(step: FlushStep, act: () => Promise<void>): FlushSteps {
  let isDone = false;
  return async (done) => {
    if (done !== step || isDone) return;
    isDone = true;
    await act();
  };
}

describe.each<FlushStep>(['begun', 'claimed', 'checked', 'written'])(
  'F4: when the step "%s" of a flush is done,',
  (step) => {
    test('kill -9 of its PostgreSQL backend rolls the batch back, and it is written later, once', async () => {
      await using ground = await breakGround({ servers: { databaseUrl: server.url } });
      await stageChanges(ground);
      const worker = await ground.open(
        {},
        onceAfter(step, async () => {
          const [flush] = await ground.sql<{ pid: number }>(
            `select pid from pg_stat_activity where application_name = 'spillway' and datname = current_database() and state = 'idle in transaction'`,
          );
          process.kill(Number(flush?.pid), 'SIGKILL');
        }),
      );
      await Spillway.of(worker).start();
      await ground.settled();
      expect(await ground.rows()).toEqual(CHANGED);
    });

    test('kill -9 of the whole server does the same, and staging goes on meanwhile', async () => {
      await using ground = await breakGround({ servers: { databaseUrl: server.url } });
      await stageChanges(ground);
      const worker = await ground.open(
        {},
        onceAfter(step, async () => server.kill9()),
      );
      const events: string[] = [];
      Spillway.of(worker).on('sink-down', () => events.push('down'));
      Spillway.of(worker).on('sink-up', () => events.push('up'));
      await Spillway.of(worker).start();
      await eventually(() => events.includes('down'), { what: 'the worker to notice that PostgreSQL is down' });
      const em = ground.orm.em.fork();
      em.create(Item, { id: 'while it was down', text: 'new' });
      await em.flush();
      await ground.spillway.increment(Page, 'page 0', { hits: 1_000 });
      await server.restart();
      await eventually(() => events.includes('up'), { what: 'the worker to notice that PostgreSQL is back' });
      await ground.settled();
      const [first, ...pages] = CHANGED.pages;
      expect(await ground.rows()).toEqual({
        pages: [{ id: 'page 0', hits: 1_000 + Number(first?.hits) }, ...pages],
        items: [...CHANGED.items, { id: 'while it was down', text: 'new', version: 1 }],
      });
    });
  },
);

describe('F6: when the connection dies at COMMIT, the ledger decides:', () => {
  test.each([
    ['answer', 'the batch is in the ledger and is not applied again'],
    ['request', 'the batch is not in the ledger and is applied'],
  ] as const)('its %s is lost, so %s', async (loss, _then) => {
    await using proxy = await TcpProxy.before(server.url);
    const throughUrl = (url: string): string => {
      const through = new URL(url);
      through.port = new URL(proxy.url).port;
      return through.href;
    };
    await using ground = await breakGround({ servers: { databaseUrl: server.url }, throughUrl });
    await stageChanges(ground);
    const writes = await ground.noteWrites();
    let lost: Promise<void> | undefined;
    const worker = await ground.open(
      {},
      onceAfter('written', async () => {
        lost = proxy.lose(loss, 'commit\0');
      }),
    );
    await Spillway.of(worker).start();
    await ground.settled();
    expect(await ground.rows()).toEqual(CHANGED);
    expect(new Set((await writes()).values())).toEqual(new Set([1]));
    await lost;
  });
});
