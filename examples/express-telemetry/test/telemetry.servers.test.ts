import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { database, eventually, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

let server: PrivateRedis;
let db: Database;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  [server, db] = await Promise.all([redis(), database()]);
});
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});
afterAll(async () => {
  await db.drop();
  await server.stop();
});

describe('telemetry over HTTP', () => {
  test('a report is seen at once by key, and as a reading by a query', async () => {
    const { url } = await start();
    expect((await report(url, 'attic', { temperature: 21.5, at: '2026-01-31T12:00:00Z' })).status).toBe(202);
    expect((await report(url, 'attic', { temperature: 22, at: '2026-01-31T12:00:01Z' })).status).toBe(202);
    expect(await get(url, 'devices/attic')).toEqual({
      device: 'attic',
      temperature: 22,
      seenAt: '2026-01-31T12:00:01.000Z',
      reports: 2,
    });
    expect(await get(url, 'devices/attic/readings')).toEqual([
      { at: '2026-01-31T12:00:01.000Z', temperature: 22 },
      { at: '2026-01-31T12:00:00.000Z', temperature: 21.5 },
    ]);
  });

  test('what came late changes no state that is newer, and is counted', async () => {
    const { url } = await start();
    await report(url, 'cellar', { temperature: 12, at: '2026-02-01T12:00:00Z' });
    await report(url, 'cellar', { temperature: 30, at: '2026-01-01T12:00:00Z' });
    expect(await get(url, 'devices/cellar')).toMatchObject({ temperature: 12, reports: 2 });
  });

  test('a report without a temperature is refused with the reason', async () => {
    const { url } = await start();
    const response = await report(url, 'attic', { at: 'now' });
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: 'temperature must be a number, in degrees Celsius' },
    ]);
    expect((await fetch(`${url}/devices/nobody`)).status).toBe(404);
  });

  test('metrics tell what was staged and written, in the format of Prometheus', async () => {
    const { url } = await start();
    await fetch(`${url}/metrics`); // the first scrape begins to count
    await report(url, 'roof', { temperature: 9 });
    await eventually(async () => {
      const response = await fetch(`${url}/metrics`);
      expect(response.headers.get('content-type')).toContain('version=0.0.4');
      const text = await response.text();
      expect(text).toContain(
        'spillway_staged_changes_total{spillway_namespace="telemetry",spillway_entity="Reading"} 1\n',
      );
      expect(text).toMatch(/spillway_flushed_records_total\{.*"Reading",spillway_outcome="written"\} 1\n/);
    });
  });

  test('health is up while all is well', async () => {
    const { url } = await start();
    expect(await get(url, 'health/live')).toEqual({ status: 'up' });
    expect(await get(url, 'health/ready')).toMatchObject({ isEnding: false, status: 'up', problems: [] });
  });
});

test('stopped under load, nothing that was acknowledged is lost', async () => {
  const { url, child } = await start();
  let acknowledged = 0;
  let isOver = false;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let n = 0; !isOver; n++) {
      const at = new Date(Date.UTC(2026, 5, 1) + n).toISOString();
      const response = await report(url, `load-${client}`, { temperature: n, at }).catch(() => undefined);
      if (response?.status === 202) acknowledged += 1;
      else isOver = true;
    }
  });
  await eventually(() => acknowledged > 50, { timeoutMs: 60_000 });
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  await Promise.all(clients);
  expect(code).toBe(0);
  const [row] = await query(
    `select (select count(*)::int from reading where device like 'load-%') as readings,
       (select sum(reports)::int from device_state where device like 'load-%') as reports`,
  );
  // An answer that was on its way when the server closed may have reached nobody: then more is there than was
  // acknowledged, never less.
  expect(row?.['readings']).toBeGreaterThanOrEqual(acknowledged);
  expect(row?.['reports']).toBe(row?.['readings']);
});

async function start(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const child = spawn(process.execPath, ['--enable-source-maps', main], {
    env: { ...process.env, REDIS_URL: server.url, DATABASE_URL: db.url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const port = await eventually(() => portIn(output), { what: 'the server to listen', timeoutMs: 60_000 });
  return { url: `http://localhost:${port}`, child };
}

function portIn(output: string): string {
  const port = /port: (\d+)/.exec(output)?.[1];
  if (port === undefined) throw new Error(`It has said: ${output}`);
  return port;
}

async function report(url: string, device: string, body: object): Promise<Response> {
  return fetch(`${url}/devices/${device}/readings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function get(url: string, path: string): Promise<unknown> {
  return (await fetch(`${url}/${path}`)).json();
}

async function query(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(db.url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
