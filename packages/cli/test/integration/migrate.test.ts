import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MikroORM } from '@mikro-orm/postgresql';
import { Migrator } from '@mikro-orm/migrations';
import { Spillway, spillway } from '@spillway/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Customer, Product } from '../application/entities.js';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { openShop, runSql } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

/** Of the repository, so that what is written there finds MikroORM; git ignores it. */
const folders = fileURLToPath(new URL('../../../../.servers', import.meta.url));
let folder: string;
beforeEach(() => {
  mkdirSync(folders, { recursive: true });
  folder = mkdtempSync(path.join(folders, 'migrations-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const notEnsured = { tables: { ensure: false }, shards: 4 };

test('migrate --emit writes a migration of MikroORM, after which Spillway opens', async () => {
  await using shop = await openShop(notEnsured);
  const { exitCode, stdout } = await cli(['migrate', '--emit', '--path', folder, '--json'], shop);
  expect(exitCode).toBe(0);
  const { file } = JSON.parse(stdout) as { file: string };
  expect(file).toMatch(/^Migration\d{14}_spillway\.ts$/u);
  expect(readdirSync(folder)).toEqual([file]);
  expect(await missingTables(shop.db.url)).toBe(4);

  await using orm = await MikroORM.init({
    entities: [Product, Customer],
    clientUrl: shop.db.url,
    migrations: { path: folder, snapshot: false },
    extensions: [Migrator, spillway({ ...shop.options, worker: false })],
  });
  await orm.migrator.up();
  expect(await missingTables(shop.db.url)).toBe(0);
  await Spillway.of(orm).start();
  expect(await Spillway.of(orm).health()).toMatchObject({ status: 'up' });
  expect((await cli(['doctor', '--json'], shop)).exitCode).toBe(0);
  await expect(orm.migrator.down()).rejects.toThrow('cannot be reverted');
});

test('migrate --emit writes where the configuration has its migrations, in its language', async () => {
  await using shop = await openShop(notEnsured);
  const settings = { migrations: { path: folder, emit: 'cjs', snapshot: false } };
  const env = { ...shop.env, SHOP_ORM: JSON.stringify(settings) };
  const { exitCode, stdout } = await cliInTerminal(['migrate', '--emit'], { env });
  const [file = ''] = readdirSync(folder);
  expect(stdout).toContain(`Wrote the migration ${file}. Run it with the others: mikro-orm migration:up`);
  expect(file).toMatch(/\.cjs$/u);
  expect(readFileSync(path.join(folder, file), 'utf8')).toContain('"public"."spillway_shard"');
  expect(exitCode).toBe(0);
});

test('migrate --dry-run prints SQL that makes the tables, and connects to nothing', async () => {
  await using shop = await openShop(notEnsured);
  const env = { ...shop.env, SHOP_DATABASE: 'postgres://nobody@127.0.0.1:1/nowhere' };
  const { exitCode, stdout } = await cli(['migrate', '--dry-run'], { env });
  expect(exitCode).toBe(0);
  await runSql(shop.db.url, stdout);
  // A second time changes nothing.
  await runSql(shop.db.url, stdout);
  await shop.spillway.start();
  const { statements } = JSON.parse((await cli(['migrate', '--dry-run', '--json'], { env })).stdout) as {
    statements: string[];
  };
  expect(`${statements.join(';\n')};\n`).toBe(stdout);
});

test('migrate makes the tables, and a second time leaves them', async () => {
  await using shop = await openShop(notEnsured);
  for (let time = 1; time <= 2; time += 1) {
    const { exitCode, stdout } = await cli(['migrate', '--json'], shop);
    expect(JSON.parse(stdout)).toEqual({ shards: 4 });
    expect(exitCode).toBe(0);
  }
  await shop.spillway.start();
  const terminal = await cliInTerminal(['migrate'], shop);
  expect(terminal.stdout).toContain('The tables are there, and the namespace has 4 shards.');
});

test('migrate refuses a number of shards that the namespace does not have', async () => {
  await using shop = await openShop(notEnsured);
  await cli(['migrate'], shop);
  const env = { ...shop.env, SHOP_SPILLWAY: JSON.stringify({ ...shop.options, shards: 8 }) };
  const { exitCode, stderr } = await cli(['migrate'], { env });
  expect(stderr).toMatch(/^spillway: The database has 4 shards .*\[SHARD_MAP_MISMATCH\]$/mu);
  expect(exitCode).toBe(2);
});

test('migrate takes --dry-run or --emit, not both', async () => {
  await using shop = await openShop(notEnsured);
  const { exitCode, stderr } = await cli(['migrate', '--dry-run', '--emit'], shop);
  expect(stderr).toContain('--dry-run prints and --emit writes: give one of them');
  expect(exitCode).toBe(2);
});

async function missingTables(url: string): Promise<number> {
  const [row] = await runSql(
    url,
    `select count(*)::int as missing
from unnest(array['spillway_shard', 'spillway_batch', 'spillway_doubt', 'spillway_registry']) as name
where to_regclass(name) is null`,
  );
  return Number(row?.['missing']);
}
