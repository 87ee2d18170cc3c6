import { eventually } from '@spillway/test-support';
import { expect, test, vi } from 'vitest';
import { CTRL_C, startCli, startCliInTerminal } from '../support/run-cli.js';
import { openShop, runSql, type Shop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

const written = async ({ db }: Shop): Promise<unknown> =>
  (await runSql(db.url, 'select count(*)::int as count from product'))[0]?.['count'];

test('worker writes what others stage, also where the configuration has none; SIGTERM drains and ends it', async () => {
  await using shop = await openShop({ worker: false });
  await using worker = startCli(['worker', '--json'], shop);
  await worker.prints('The worker writes what is staged');
  await shop.stage(3);
  await eventually(async () => expect(await written(shop)).toBe(3));
  await shop.stage(2);
  worker.signal('SIGTERM');
  const { exitCode, stdout } = await worker.ended();
  expect(JSON.parse(stdout)).toEqual({ left: 0 });
  expect(exitCode).toBe(0);
  expect(await written(shop)).toBe(5);
});

test('worker ends with 1 if something is left', async () => {
  await using shop = await openShop();
  await shop.spillway.start();
  await using worker = startCli(['worker', '--timeout', '2s'], shop);
  await worker.prints('The worker writes what is staged');
  const em = shop.orm.em.fork();
  await em.begin();
  await em
    .getConnection()
    .execute('lock table product in access exclusive mode', [], 'run', em.getTransactionContext());
  await shop.stage(1);
  worker.signal('SIGTERM');
  const { exitCode, stdout } = await worker.ended();
  await em.rollback();
  expect(stdout).toMatch(/1 shards still hold changes|did not say whether anything is left/u);
  expect(exitCode).toBe(1);
});

test('worker in a terminal says what it does, and Ctrl-C ends it', async () => {
  await using shop = await openShop();
  await using worker = startCliInTerminal(['worker'], shop);
  await worker.prints('The worker writes what is staged');
  worker.type(CTRL_C);
  const { exitCode, stdout } = await worker.ended();
  expect(stdout).toContain('The worker has ended, and nothing is left.');
  expect(exitCode).toBe(0);
});

test('worker ends with 3 if Redis cannot be reached', async () => {
  await using shop = await openShop();
  const env = { ...shop.env, SHOP_SPILLWAY: JSON.stringify({ ...shop.options, redis: 'redis://127.0.0.1:1' }) };
  await using worker = startCli(['worker', '--json'], { env });
  const { exitCode, stdout } = await worker.ended();
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'STAGING_UNAVAILABLE' } });
  expect(exitCode).toBe(3);
});
