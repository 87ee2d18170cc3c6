import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cli, cliInTerminal, CTRL_C, startCli, startCliInTerminal } from '../support/run-cli.js';
import { openShop, type Shop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

let shop: Shop;
beforeAll(async () => {
  // Nothing is overdue, however long the tests take.
  shop = await openShop({ defaults: { maxDelay: '1h' } });
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

test('status --watch shows it again until it is interrupted', async () => {
  await using lines = startCli(['status', '--watch', '1', '--json'], shop);
  await lines.prints('"pending":{"Product":3}');
  await shop.stage(1);
  await lines.prints('"pending":{"Product":4}');
  lines.signal('SIGINT');
  const { exitCode, stdout } = await lines.ended();
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { pending: unknown });
  expect(answers[0]).toMatchObject({ pending: { Product: 3 } });
  expect(answers.at(-1)).toMatchObject({ pending: { Product: 4 } });
  expect(exitCode).toBe(0);
});

test('status --watch clears the terminal each time, and Ctrl-C ends it', async () => {
  await using terminal = startCliInTerminal(['status', '--watch', '1'], shop);
  await terminal.prints('│ Product │ 4');
  await shop.stage(1);
  await terminal.prints('│ Product │ 5');
  terminal.type(CTRL_C);
  const { exitCode, stdout } = await terminal.ended();
  expect(stdout.split('\u001b[2J').length).toBeGreaterThan(2);
  expect(exitCode).toBe(0);
});
