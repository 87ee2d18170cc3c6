import { redis } from '@spillway/test-support';
import { expect, test, vi } from 'vitest';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { environmentOf, openShop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

test('reshard moves the shards to another number, and to other servers', async () => {
  await using one = await redis();
  await using two = await redis();
  await using shop = await openShop({ redis: one.url });
  await shop.stage(3);
  await shop.spillway.stop({ drain: false });

  const more = await cli(['reshard', '--shards', '8', '--json'], shop);
  expect(JSON.parse(more.stdout)).toMatchObject({ from: expect.stringContaining('4 shards'), movedLetters: 0 });
  expect(more.exitCode).toBe(0);

  const env = environmentOf(shop.db.url, { ...shop.options, shards: 8 });
  const moved = await cliInTerminal(['reshard', '--redis', one.url, two.url], { env });
  expect(moved.stdout).toMatch(/Moved from 8 shards on .* to 8 shards over/u);
  expect(moved.stdout).toContain('Start the processes with the new map now.');
  expect(moved.exitCode).toBe(0);

  const there = environmentOf(shop.db.url, { ...shop.options, shards: 8, redis: { nodes: [one.url, two.url] } });
  expect((await cli(['status', '--json'], { env: there })).exitCode).toBe(0);
  const old = await cli(['status'], shop);
  expect(old.stderr).toContain('[SHARD_MAP_MISMATCH]');
  expect(old.exitCode).toBe(2);
});

test('reshard wants to be told where the shards go', async () => {
  await using shop = await openShop();
  const nowhere = await cli(['reshard'], shop);
  expect(nowhere.stderr).toContain('Say where the shards go');
  const twice = await cli(['reshard', '--redis', 'redis://one', '--cluster', 'redis://two'], shop);
  expect(twice.stderr).toContain('two maps');
  expect([nowhere.exitCode, twice.exitCode]).toEqual([2, 2]);
});
