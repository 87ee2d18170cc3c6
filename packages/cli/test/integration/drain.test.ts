import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Customer } from '../application/entities.js';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { openShop, runSql, type Shop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(async () => shop[Symbol.asyncDispose]());

const rows = async (table: string): Promise<unknown> =>
  (await runSql(shop.db.url, `select count(*)::int as count from ${table}`))[0]?.['count'];

test('drain --json writes all that is pending', async () => {
  await shop.stage(3);
  const { exitCode, stdout } = await cli(['drain', '--json'], shop);
  expect(JSON.parse(stdout)).toEqual({ left: 0, pending: 0 });
  expect(await rows('product')).toBe(3);
  expect(exitCode).toBe(0);
});

test('drain of an entity leaves the others pending', async () => {
  await shop.stage(1);
  const em = shop.orm.em.fork();
  em.create(Customer, { id: 1, email: 'ada@example.org' });
  await em.flush();
  const { exitCode, stdout } = await cli(['drain', 'Customer', '--until', 'written'], shop);
  expect(stdout).toBe('Everything that was staged before is written.\n');
  expect([await rows('customer'), exitCode]).toEqual([1, 0]);
  expect(await shop.spillway.status()).toMatchObject({ pending: { Product: 1 } });
});

test('drain draws a bar in a terminal', async () => {
  await shop.stage(500);
  const { exitCode, stdout } = await cliInTerminal(['drain'], shop);
  expect(stdout).toMatch(/[█░]+.* of 50[01] rows written/u);
  expect(stdout).toContain('Everything that was staged before is written.');
  expect(exitCode).toBe(0);
});

test('drain ends with 1 where rows have to wait', async () => {
  await shop.stage(1);
  const em = shop.orm.em.fork();
  await em.begin();
  await em
    .getConnection()
    .execute('lock table product in access exclusive mode', [], 'run', em.getTransactionContext());
  const { exitCode, stderr, stdout } = await cli(['drain', '--until', 'written', '--timeout', '2s', '--json'], shop);
  await em.rollback();
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'DRAIN_TIMEOUT' } });
  expect(stderr).toMatch(/^spillway: .*\[DRAIN_TIMEOUT\]$/mu);
  expect(exitCode).toBe(1);
});

test('drain refuses what it does not know', async () => {
  const entity = await cli(['drain', 'Produkt'], shop);
  expect(entity.stderr).toContain('There is no entity "Produkt". The configuration has Customer, Product');
  const timeout = await cli(['drain', '--timeout', '5'], shop);
  expect(timeout.stderr).toContain('no duration');
  expect([entity.exitCode, timeout.exitCode]).toEqual([2, 2]);
});
