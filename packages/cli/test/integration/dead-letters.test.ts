import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cli, cliInTerminal } from '../support/run-cli.js';
import { openShop, runSql, type Shop } from '../support/shop.js';

// Each test starts several processes, on a machine that may do something else as well.
vi.setConfig({ testTimeout: 180_000 });

let shop: Shop;
/** Products 1 to 5 cannot be written as long as this stands. */
const CHECK = `alter table product add constraint known check (id > 5)`;
beforeAll(async () => {
  shop = await openShop();
  await runSql(shop.db.url, CHECK);
  await shop.stage(5);
  await shop.spillway.drain({ until: 'written' });
});
afterAll(async () => shop[Symbol.asyncDispose]());

interface Listed {
  readonly letters: readonly { readonly shard: number; readonly id: string; readonly key: string }[];
  readonly next?: number;
}

async function list(...args: readonly string[]): Promise<Listed> {
  return JSON.parse((await cli(['dead-letters', 'list', '--json', ...args], shop)).stdout) as Listed;
}

test('dead-letters list answers pages, without values', async () => {
  const first = await list('--limit', '3');
  const second = await list('--limit', '3', '--offset', String(first.next));
  expect(first.letters[0]).toEqual({
    shard: expect.any(Number) as number,
    id: expect.any(String) as string,
    entity: 'Product',
    key: expect.stringMatching(/^[1-5]$/u) as string,
    kind: 'insert',
    code: '23514',
    reason: expect.stringContaining('a check is violated') as string,
    atMs: expect.any(Number) as number,
  });
  expect([first.letters.length, first.next, second.letters.length, second.next]).toEqual([3, 3, 2, undefined]);
  expect(new Set([...first.letters, ...second.letters].map(({ key }) => key)).size).toBe(5);
});

test('dead-letters list filters by entity and code', async () => {
  expect((await list('--entity', 'Product', '--code', '23514')).letters.length).toBe(5);
  expect((await list('--entity', 'Customer')).letters).toEqual([]);
  expect((await list('--code', '23505')).letters).toEqual([]);
});

test('dead-letters list is a table in a terminal, and lines elsewhere', async () => {
  const terminal = await cliInTerminal(['dead-letters', 'list', '--limit', '3'], shop);
  expect(terminal.stdout).toMatch(/│ \d\/\d+ +│ Product │ [1-5] +│ 23514 │/u);
  expect(terminal.stdout).toContain('There are more: --offset 3');
  const plain = await cli(['dead-letters', 'list'], shop);
  expect(plain.stdout).toMatch(/^letter\t\d\/\d+\tProduct\t[1-5]\t23514\t/mu);
  expect(plain.exitCode).toBe(0);
});

test('dead-letters show has the values, and all that PostgreSQL has said', async () => {
  const [{ shard, id, key } = { shard: 0, id: '', key: '' }] = (await list()).letters;
  const name = `${shard}/${id}`;
  const json = JSON.parse((await cli(['dead-letters', 'show', name, '--json'], shop)).stdout) as object;
  expect(json).toMatchObject({ record: { values: { name: `"Product ${key}"` } } });
  const { stdout } = await cliInTerminal(['dead-letters', 'show', name], shop);
  expect(stdout).toContain('violates check constraint');
  expect(stdout).toContain(`"Product ${key}"`);
  const absent = await cli(['dead-letters', 'show', '0/999999'], shop);
  expect(absent.stderr).toContain('There is no dead letter 0/999999 (any more)');
  const wrong = await cli(['dead-letters', 'show', 'seventeen'], shop);
  expect(wrong.stderr).toContain('"seventeen" names no dead letter');
  expect([absent.exitCode, wrong.exitCode]).toEqual([2, 2]);
});

test('retry and discard want to be told which letters are meant', async () => {
  for (const act of ['retry', 'discard']) {
    const none = await cli(['dead-letters', act], shop);
    expect(none.stderr).toContain('Say which letters are meant');
    expect(none.exitCode).toBe(2);
  }
  expect((await list()).letters.length).toBe(5);
});

test('letters are put back and discarded: one by name, some by filter, all', async () => {
  const [{ shard, id } = { shard: 0, id: '' }] = (await list()).letters;
  const one = await cli(['dead-letters', 'discard', `${shard}/${id}`, '0/999999', '--json'], shop);
  expect(JSON.parse(one.stdout)).toEqual({ discarded: 1, absent: 1 });
  expect(one.exitCode).toBe(1);

  const filter = ['--entity', 'Product', '--code', '23514', '--limit', '2'];
  const some = await cliInTerminal(['dead-letters', 'discard', ...filter], shop);
  expect(some.stdout).toContain('Discarded: 2.');
  expect(some.exitCode).toBe(0);

  await runSql(shop.db.url, 'alter table product drop constraint known');
  const [next] = (await list()).letters;
  const named = await cliInTerminal(['dead-letters', 'retry', `${next?.shard}/${next?.id}`], shop);
  expect(named.stdout).toContain('Put back: 1.');
  const all = await cli(['dead-letters', 'retry', '--all', '--json'], shop);
  expect(JSON.parse(all.stdout)).toEqual({ staged: 1, newer: 0, refused: 0, absent: 0 });
  expect([named.exitCode, all.exitCode]).toEqual([0, 0]);
  expect((await list()).letters).toEqual([]);
  await shop.spillway.drain({ until: 'written' });
  expect(await runSql(shop.db.url, 'select count(*)::int as count from product')).toEqual([{ count: 2 }]);
});
