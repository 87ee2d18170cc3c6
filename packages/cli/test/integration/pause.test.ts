import { eventually } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { openShop, runSql, type Shop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(async () => shop[Symbol.asyncDispose]());

const rows = async (): Promise<unknown> =>
  (await runSql(shop.db.url, 'select count(*)::int as count from product'))[0]?.['count'];

test('pause and resume of an entity, with --json', async () => {
  const paused = await cli(['pause', 'Product', '--json'], shop);
  expect(JSON.parse(paused.stdout)).toEqual({ paused: { all: false, entities: ['Product'] }, pending: {} });
  await shop.stage(2);
  const drained = await cli(['drain', 'Product', '--json'], shop);
  expect(JSON.parse(drained.stdout)).toMatchObject({ pending: 2 });
  expect([await rows(), drained.exitCode]).toEqual([0, 1]);
  const doctor = await cli(['doctor', '--json'], shop);
  expect(doctor.stdout).toContain('Product is paused: what is staged waits until somebody resumes it.');
  const resumed = await cli(['resume', 'Product', '--json'], shop);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ paused: { all: false, entities: [] } });
  await cli(['drain'], shop);
  await eventually(async () => expect(await rows()).toBe(2));
  expect([paused.exitCode, resumed.exitCode]).toEqual([0, 0]);
});

test('pause and resume of all, in a terminal; status tells it', async () => {
  const paused = await cliInTerminal(['pause'], shop);
  expect(paused.stdout).toContain('Paused: everything.');
  expect((await cli(['status'], shop)).stdout).toContain('paused\teverything');
  const resumed = await cliInTerminal(['resume'], shop);
  expect(resumed.stdout).toContain('Nothing is paused.');
  expect([paused.exitCode, resumed.exitCode]).toEqual([0, 0]);
});

test('an entity that is not there is refused', async () => {
  const { exitCode, stderr } = await cli(['pause', 'Produkt'], shop);
  expect(stderr).toContain('There is no entity "Produkt"');
  expect(exitCode).toBe(2);
});
