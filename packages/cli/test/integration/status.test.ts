import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { openShop, type Shop } from '../support/shop.js';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.stage(3);
});
afterAll(async () => shop[Symbol.asyncDispose]());

test('status --json answers what is pending as one JSON document', async () => {
  const { exitCode, stdout } = await cli(['status', '--json'], shop);
  const answer = JSON.parse(stdout) as Record<string, unknown>;
  expect(answer).toMatchObject({ pending: { Product: 3 }, dead: 0, held: 0, health: { status: 'up', pending: 3 } });
  expect(answer).not.toHaveProperty('writes');
  expect(exitCode).toBe(0);
  expect(await shop.spillway.status()).toMatchObject({ pending: { Product: 3 } });
});

test('status prints plain lines where nobody has a terminal', async () => {
  const { exitCode, stdout } = await cli(['status'], shop);
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toContain('health\tup');
  expect(lines).toContain('pending\tProduct\t3');
  expect(stdout).not.toContain('│');
  expect(stdout).not.toContain('\u001b');
  expect(exitCode).toBe(0);
});

test('status prints coloured tables in a terminal, and no colours with NO_COLOR', async () => {
  const coloured = await cliInTerminal(['status'], shop);
  expect(coloured.stdout).toMatch(/│ Product │ 3 +│/u);
  expect(coloured.stdout).toContain('\u001b[32mup');
  const plain = await cliInTerminal(['status'], { env: { ...shop.env, NO_COLOR: '1' } });
  expect(plain.stdout).toMatch(/│ Product │ 3 +│/u);
  expect(plain.stdout).not.toContain('\u001b[3');
  expect([coloured.exitCode, plain.exitCode]).toEqual([0, 0]);
});
