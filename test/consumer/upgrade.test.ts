import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { database, redis } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../docs/markdown.js';
import { EmptyProject, PackedPackages } from './packed.js';
import { hasPrevious, packPrevious, PREVIOUS } from './previous.js';
import type { Act, Rows, Seen, Settings, Written } from './upgrade/program.js';
import { record, restore } from './upgrade/recorded.js';
import { withVersions } from './versions.js';

const PROGRAM = path.join(root, 'test/consumer/upgrade/program.ts');

/** Where changes were left. */
interface Place extends AsyncDisposable {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

let now: EmptyProject;
const running = new Set<ChildProcess>();

const isThere = await hasPrevious();
if (!isThere) {
  const remedy = 'what it had left is taken from a file. "git fetch --unshallow" gets the commit.';
  process.stderr.write(`This clone does not have commit ${PREVIOUS}: ${remedy}\n`);
}

beforeAll(async () => {
  now = await projectOf(PackedPackages.pack(['core']));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await now[Symbol.asyncDispose]();
});

describe('this release reads what the release before has left, writes each change once, and retries dead letters', () => {
  test.skipIf(!isThere)('by processes of that release, which are killed', async () => {
    await using before = await projectOf(packPrevious());
    await using place = await placeOfItsOwn();
    await leave(before, place);
    await leaveHolds(before, place);
    expect(await takeOver(place, EXPECTED)).toEqual(withLetter(EXPECTED));
  });

  test('as it was recorded', async () => {
    await using place = await placeOfItsOwn();
    const release = await connected(place, async (sql) => restore(place.redisUrl, sql));
    expect(release).toMatch(/^[0-9a-f]{40}$/);
    const expected = { ...EXPECTED, pages: { ...EXPECTED.pages, held: 0 } };
    expect(await takeOver(place, expected)).toEqual(withLetter(expected));
  });
});

const NUMBERED = Array.from({ length: 12 }, (_, number) => `page ${number}`);

/** Each page has what was acknowledged of it, each once. */
const EXPECTED: Rows = {
  pages: {
    page: 2 + 10,
    ...Object.fromEntries(NUMBERED.map((page) => [page, 2 + 20])),
    held: 100,
    'rolled back': 0,
  },
  items: { changed: 'changed', made: 'made', 'in conflict': 'other' },
};

/** By processes that end as by `kill -9`. */
async function leave(before: EmptyProject, place: Place): Promise<void> {
  expect(await done(before, place, { act: 'set-up' })).toMatchObject({ dead: 2, pending: {} });

  // In flight: one whose transaction never commits, and others that are in PostgreSQL while Redis was not told.
  await died(before, place, { act: 'break-off', first: 'page', others: NUMBERED, hits: 2 });
  const { pages } = await rowsOf(place);
  expect(pages['page']).toBe(0);
  expect(NUMBERED.map((page) => pages[page])).toContain(2);

  // Pending: on what is in flight, and on nothing.
  await done(before, place, { act: 'stage', hits: Object.fromEntries(NUMBERED.map((page) => [page, 20])) });
  await done(before, place, { act: 'stage', hits: { page: 10 } });
  await done(before, place, { act: 'change' });
  if (process.env['SPILLWAY_RECORD'] === '1')
    await connected(place, async (sql) => record(PREVIOUS, place.redisUrl, sql));
}

/**
 * By a transaction that has committed, and by one that has not. The file cannot have them: transactions belong to one
 * server.
 */
async function leaveHolds(before: EmptyProject, place: Place): Promise<void> {
  await died(before, place, { act: 'hold', page: 'held', step: 'ended' });
  await died(before, place, { act: 'hold', page: 'rolled back', step: 'entered' });
  expect(await rowsOf(place)).toMatchObject({ pages: { held: 0, 'rolled back': 0 } });
}

/** By this release, which has to find these rows by key; answers the rows that PostgreSQL has in the end. */
async function takeOver(place: Place, expected: Rows): Promise<Rows> {
  const seen = await done<Seen>(now, place, { act: 'look' });
  expect(seen.status.dead).toBe(2);
  expect(seen.status.inFlight).toBeGreaterThan(0);
  expect(seen.letters).toHaveLength(2);
  expect(seen.letters).toContainEqual({ key: '["public","page","lost"]', code: 'ROW_MISSING' });
  expect(seen.letters).toContainEqual({ key: '["public","item","in conflict"]', code: 'CONFLICT' });
  expect(seen.rows).toEqual(expected);
  expect(seen.said).toEqual([]);

  const written = await done<Written>(now, place, { act: 'write' });
  expect(written).toEqual({ left: { inFlight: 0, held: 0, pending: 0 }, retried: ['staged', 'true'], said: [] });

  const after = await done<Seen>(now, place, { act: 'look' });
  expect(after.status).toEqual({ inFlight: 0, dead: 0, held: 0, pending: 0 });
  const rows = await rowsOf(place);
  expect(after.rows).toEqual(rows);
  return rows;
}

/** With the row of the letter that was retried. */
function withLetter({ pages, items }: Rows): Rows {
  return { pages: { ...pages, lost: 3 }, items };
}

async function placeOfItsOwn(): Promise<Place> {
  const server = await redis();
  const db = await database();
  return {
    redisUrl: server.url,
    databaseUrl: db.url,
    [Symbol.asyncDispose]: async () => {
      await db.drop();
      await server.stop();
    },
  };
}

async function projectOf(packing: Promise<PackedPackages>): Promise<EmptyProject> {
  await using packed = await packing;
  const project = await EmptyProject.create();
  await writeFile(path.join(project.folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await copyFile(PROGRAM, path.join(project.folder, 'program.ts'));
  const words = withVersions(['@spillway/core', '@mikro-orm/core', '@mikro-orm/postgresql', 'ioredis', 'rxjs']);
  await project.run('npm', 'install', ...packed.insteadOfNames(words), '--no-audit', '--no-fund', '--prefer-offline');
  return project;
}

interface Run {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<unknown>;
}

function start(project: EmptyProject, { databaseUrl, redisUrl }: Place, act: Act): Run {
  const settings: Settings = { databaseUrl, redisUrl, act };
  const child = spawn(process.execPath, ['program.ts', JSON.stringify(settings)], { cwd: project.folder });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { child, said: () => output, ended: once(child, 'close').then(() => running.delete(child)) };
}

/** Answers what the program has printed, once it has ended. */
async function done<Answer>(project: EmptyProject, place: Place, act: Act): Promise<Answer> {
  const { said, ended } = start(project, place, act);
  await ended;
  const line = said()
    .split('\n')
    .find((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`${JSON.stringify(act)} has said: ${said()}`);
  return JSON.parse(line) as Answer;
}

/** The program has killed itself, and said nothing. */
async function died(project: EmptyProject, place: Place, act: Act): Promise<void> {
  const { child, said, ended } = start(project, place, act);
  await ended;
  expect([child.signalCode, said()]).toEqual(['SIGKILL', '']);
}

async function rowsOf(place: Place): Promise<Rows> {
  return connected(place, async (sql) => {
    const pages = await sql.query<{ id: string; hits: number }>('select id, hits from page');
    const items = await sql.query<{ id: string; text: string }>('select id, text from item');
    return {
      pages: Object.fromEntries(pages.rows.map(({ id, hits }) => [id, hits])),
      items: Object.fromEntries(items.rows.map(({ id, text }) => [id, text])),
    };
  });
}

async function connected<Answer>(place: Place, act: (sql: pg.Client) => Promise<Answer>): Promise<Answer> {
  const client = new pg.Client(place.databaseUrl);
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}
