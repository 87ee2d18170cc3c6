import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@spillway/test-support';
import pg from 'pg';
import { expect, test } from 'vitest';
import { isRunning } from '../../tools/servers/children.mjs';
import { ownerOf } from '../../tools/servers/run-folder.mjs';

const withServers = fileURLToPath(new URL('../../tools/with-servers.mjs', import.meta.url));

// Says what it was given, then what signal it hears; `exit 3` on SIGTERM.
const listener = `
  const { REDIS_URL, DATABASE_URL, SPILLWAY_POSTGRES_LOG } = process.env;
  process.on('SIGTERM', () => { console.log('heard'); process.exit(3); });
  console.log(JSON.stringify({ pid: process.pid, REDIS_URL, DATABASE_URL, SPILLWAY_POSTGRES_LOG }));
  setInterval(() => {}, 1_000);
`;

interface Given {
  readonly pid: number;
  readonly REDIS_URL: string;
  readonly DATABASE_URL: string;
  readonly SPILLWAY_POSTGRES_LOG: string;
}

test('a command gets servers of its own, and its exit code is passed on', async () => {
  const command = run(`console.log(process.env.REDIS_URL); process.exit(7)`);
  expect(await nextLine(command)).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
  expect(await once(command, 'exit')).toEqual([7, null]);
});

test('two runs at the same time do not share anything', async () => {
  const runs = [run(listener), run(listener)];
  const [one, other] = await Promise.all(runs.map(given));
  expect(one?.REDIS_URL).not.toBe(other?.REDIS_URL);
  expect(one?.DATABASE_URL).not.toBe(other?.DATABASE_URL);
  for (const command of runs) {
    command.kill('SIGTERM');
    expect(await once(command, 'exit')).toEqual([3, null]);
  }
});

test('SIGTERM reaches the command, and servers and data are gone afterwards', async () => {
  const command = run(listener);
  const { DATABASE_URL, SPILLWAY_POSTGRES_LOG } = await given(command);
  expect(existsSync(SPILLWAY_POSTGRES_LOG)).toBe(true);
  command.kill('SIGTERM');
  expect(await once(command, 'exit')).toEqual([3, null]);
  await expect(connect(DATABASE_URL)).rejects.toThrow('ECONNREFUSED');
  expect(existsSync(SPILLWAY_POSTGRES_LOG)).toBe(false);
});

test('kill -9 of a run takes its command, its servers and its data along', async () => {
  const command = run(listener);
  const { pid, DATABASE_URL, SPILLWAY_POSTGRES_LOG } = await given(command);
  command.kill('SIGKILL');
  await eventually(() => !isRunning(pid), { what: 'the command to end' });
  await eventually(() => expect(connect(DATABASE_URL)).rejects.toThrow('ECONNREFUSED'));
  await eventually(() => !existsSync(SPILLWAY_POSTGRES_LOG), { what: 'the data to be removed' });
});

test('servers that the user names are used as they are', async () => {
  const named = { REDIS_URL: 'redis://redis.test:1', DATABASE_URL: 'postgres://postgres.test/app' };
  const command = run(listener, named);
  expect(await given(command)).toEqual({ pid: expect.any(Number), ...named });
  command.kill('SIGTERM');
  await once(command, 'exit');
});

test('a folder of another host or of nobody is never taken for a stale one', () => {
  expect(ownerOf('here-123-aBc', 'here')).toBe(123);
  expect(ownerOf('there-123-aBc', 'here')).toBeUndefined();
  expect(ownerOf('notes', 'here')).toBeUndefined();
});

function run(script: string, named: Readonly<Record<string, string>> = {}): ChildProcess {
  const { REDIS_URL: _redis, DATABASE_URL: _database, SPILLWAY_POSTGRES_LOG: _log, ...env } = process.env;
  return spawn(process.execPath, [withServers, '--', 'node', '-e', script], {
    env: { ...env, ...named },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function given(command: ChildProcess): Promise<Given> {
  return JSON.parse(await nextLine(command)) as Given;
}

async function nextLine({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('The command was started without a pipe for its output.');
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error('The command has ended without a line of output.');
}

async function connect(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.end();
}
