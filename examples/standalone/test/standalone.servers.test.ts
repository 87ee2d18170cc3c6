import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { database, redis } from '@spillway/test-support';
import { expect, test } from 'vitest';

test('counts a thousand visits exactly', async () => {
  await using server = await redis();
  await using db = await database();
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--enable-source-maps', main], {
    env: { ...process.env, REDIS_URL: server.url, DATABASE_URL: db.url },
  });
  expect(stderr).toBe('');
  const [first = '', ...pages] = stdout.trimEnd().split('\n');
  expect(first).toMatch(/^1005 changes staged, \d+ of them coalesced$/);
  expect(pages).toEqual(['/', '/about', '/blog', '/docs', '/prices'].map((path) => `${path}: 200 views`));
});
