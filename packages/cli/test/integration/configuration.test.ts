import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cli } from '../support/run-cli.js';
import { environmentOf, openShop, type Shop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

const file = (name: string): string => fileURLToPath(new URL(`../application/${name}`, import.meta.url));

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(async () => shop[Symbol.asyncDispose]());

test.each([
  ['package.json', [], {}, undefined],
  ['--config, in TypeScript', ['--config', file('shop.config.ts')], {}, tmpdir()],
  ['MIKRO_ORM_CLI_CONFIG', [], { MIKRO_ORM_CLI_CONFIG: file('settings/orm.js') }, tmpdir()],
  [
    'MIKRO_ORM_CLI_CONFIG, through a loader of TypeScript',
    [],
    { MIKRO_ORM_CLI_CONFIG: file('shop.config.ts'), MIKRO_ORM_CLI_TS_LOADER: 'jiti' },
    tmpdir(),
  ],
])('the configuration is found by %s', async (_, args, env, cwd) => {
  const { exitCode, stdout, stderr } = await cli(['status', '--json', ...args], {
    env: { ...shop.env, ...env },
    ...(cwd !== undefined && { cwd }),
  });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(stdout)).toMatchObject({ health: { status: 'up' } });
});

test('a configuration that is not there is said to be missing, also as JSON', async () => {
  const plain = await cli(['status'], { env: shop.env, cwd: tmpdir() });
  expect(plain.stderr).toMatch(/^spillway: The configuration of MikroORM cannot be opened: .*not found/mu);
  expect(plain.stderr).toContain('Name its file by --config');
  const json = await cli(['status', '--json'], { env: shop.env, cwd: tmpdir() });
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'USAGE' } });
  expect([plain.exitCode, json.exitCode]).toEqual([2, 2]);
});

test('a configuration without Spillway is refused', async () => {
  const { exitCode, stderr } = await cli(['status', '--config', file('settings/plain.js')], shop);
  expect(stderr).toMatch(/^spillway: This ORM has no Spillway.*\[CONFIG_INVALID\]$/mu);
  expect(exitCode).toBe(2);
});

test.each([
  ['Redis', { redis: 'redis://someone:sesame@127.0.0.1:1' }, undefined, 'STAGING_UNAVAILABLE'],
  ['PostgreSQL', {}, 'postgres://someone:sesame@127.0.0.1:1/shop', 'DATABASE_UNAVAILABLE'],
])('%s that cannot be reached ends a command with 3, and shows no password', async (_, given, url, code) => {
  const env = environmentOf(url ?? shop.db.url, { ...shop.options, ...given });
  const { exitCode, stdout, stderr } = await cli(['status', '--json'], { env });
  expect(JSON.parse(stdout)).toMatchObject({ error: { code } });
  expect(`${stdout}${stderr}`).not.toContain('sesame');
  expect(exitCode).toBe(3);
});

test('a password in a URL that is refused is not shown', async () => {
  const env = environmentOf('http://someone:sesame@127.0.0.1/shop', { ...shop.options, redis: 'http://a:sesame@b' });
  const { exitCode, stdout, stderr } = await cli(['status', '--json'], { env });
  expect(`${stdout}${stderr}`).not.toContain('sesame');
  expect(exitCode).toBe(2);
});

test('what the configuration prints goes to standard error', async () => {
  const { stdout, stderr } = await cli(['status', '--json'], { env: { ...shop.env, SHOP_TALKS: '1' } });
  expect(JSON.parse(stdout)).toMatchObject({ health: { status: 'up' } });
  expect(stderr).toContain('the shop is configured');
});

test('usage that is not understood ends with 2, help with 0', async () => {
  const unknown = await cli(['statsu', '--json'], shop);
  expect(unknown.stderr).toContain("unknown command 'statsu'");
  expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'USAGE' } });
  const help = await cli(['--help'], shop);
  expect(help.stdout).toMatch(/Exit codes:\n {2}0 {2}done/u);
  const version = await cli(['--version'], shop);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/u);
  expect([unknown.exitCode, help.exitCode, version.exitCode]).toEqual([2, 0, 0]);
});
