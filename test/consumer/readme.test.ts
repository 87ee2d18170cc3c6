import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { database, eventually, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks, document, type CodeBlock } from '../docs/markdown.js';
import { promisedOutput } from '../docs/reader-project.js';
import { EmptyProject, PackedPackages } from './packed.js';

/** Where the documents say that the servers are. */
const REDIS = 'redis://localhost:6379';
const DATABASE = 'postgres://localhost:5432/shop';

let server: PrivateRedis;
let db: Database;
let packed: PackedPackages;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  [server, packed] = await Promise.all([redis(), PackedPackages.pack(['core', 'nestjs', 'cli', 'dashboard'])]);
});
beforeAll(async () => {
  db = await database();
});
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});
afterAll(async () => {
  await packed[Symbol.asyncDispose]();
  await db.drop();
  await server.stop();
});

describe('a reader in an empty directory', () => {
  test.each([
    ['newest', {}],
    ['12', { '@nestjs/': '12' }],
    ['11', { '@nestjs/': '11' }],
  ])(
    'has the NestJS application of its README running (%s), stops it under load, and loses nothing',
    async (_release, versions) => {
      const blocks = codeBlocks(document('packages/nestjs/README.md'));
      await using project = await EmptyProject.create();
      await write(project, blocks);
      await install(project, blocks, versions);
      await project.run('npx', 'tsc');
      await useShop(await start(project, 'main.js'), 'health/ready');
    },
  );

  test.each([
    ['docs/start-nestjs.md', 'nest.js'],
    ['docs/start-express.md', 'app.js'],
  ])('has the application of the quick start running by nothing but its page: %s', async (page, program) => {
    const blocks = codeBlocks(document(page));
    await using project = await EmptyProject.create();
    await write(project, blocks);
    await install(project, blocks);
    await project.run('npx', 'tsc');
    const started = await start(project, program);
    if (page === 'docs/start-nestjs.md') await lookAtDashboard(started.url);
    await useShop(started, 'health/ready');
    await forget();
  });

  test.each([
    ['the newest of the registry', {}],
    ['ioredis 5', { ioredis: '5.4' }],
    ['ioredis 6', { ioredis: '6' }],
  ])('has the program with decorators running by its install lines: %s', async (_, versions) => {
    const blocks = codeBlocks(document('docs/installing.md'));
    await using project = await EmptyProject.create();
    await write(project, blocks);
    await install(project, blocks, versions);
    await project.run('npx', 'tsc');
    const main = blocks.find(({ file }) => file === 'main.ts');
    expect(await project.run('node', 'main.js')).toBe(main && promisedOutput(main));
    await forget();
  });

  test('has both programs of the README running by its install lines, without a compiler', async () => {
    const blocks = codeBlocks(document('README.md'));
    await using project = await EmptyProject.create();
    await write(project, blocks);
    await install(project, blocks);
    for (const file of ['embedded.ts', 'servers.ts']) {
      const program = blocks.find((block) => block.file === file);
      expect(await project.run('node', file)).toBe(program && promisedOutput(program));
    }
    await forget();
  });

  test('has the command line by the install line of its README, and it finds the configuration', async () => {
    const blocks = codeBlocks(document('docs/installing.md'));
    await using project = await EmptyProject.create();
    await write(project, blocks);
    await install(project, blocks);
    await install(project, codeBlocks(document('packages/cli/README.md')), {}, 'shell');
    await project.run('npx', 'tsc');
    const answer = JSON.parse(await project.run('npx', 'spillway', 'status', '--json')) as object;
    expect(answer).toMatchObject({ pending: {}, dead: 0, health: { status: 'up' } });
    await forget();
  });

  test('has the newest MikroORM by the install line without decorators, and its packages fit', async () => {
    const blocks = codeBlocks(document('docs/installing.md'));
    await using project = await EmptyProject.create();
    await install(project, blocks, {}, 'shell');
    const found = await project.run('npm', 'ls', '--json', '@mikro-orm/core');
    const { dependencies = {} } = JSON.parse(found) as { dependencies?: Record<string, { version: string }> };
    expect(dependencies['@mikro-orm/core']?.version).toBe('7.2.5');
  });

  test('has the Express application of the documents running, stops it under load, and loses nothing', async () => {
    const installing = codeBlocks(document('docs/installing.md'));
    const shared = installing.filter(({ file }) =>
      ['product.ts', 'mikro-orm.config.ts', 'tsconfig.json'].includes(file ?? ''),
    );
    await using project = await EmptyProject.create();
    await write(project, [...shared, ...codeBlocks(document('docs/express.md'))]);
    await install(project, installing);
    await install(project, codeBlocks(document('docs/express.md')));
    await project.run('npx', 'tsc');
    await useShop(await start(project, 'server.js'), 'health/ready');
  });
});

/** Kubernetes kills what has not ended so long after SIGTERM. */
const GRACE_MS = 30_000;
const VISITORS = 4;

/** What the documents show of either application, then SIGTERM while clients go on. */
async function useShop(
  { url, child }: { readonly url: string; readonly child: ChildProcess },
  ready: string,
): Promise<void> {
  expect((await fetch(`${url}/${ready}`)).status).toBe(200);
  const created = await fetch(`${url}/products`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Kettle' }),
  });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { readonly id: string };
  expect(await (await fetch(`${url}/products/${id}`)).json()).toEqual({ name: 'Kettle', views: 1 });

  let acknowledged = 1;
  let isOver = false;
  const visitors = Array.from({ length: VISITORS }, async () => {
    while (!isOver) {
      const answer = await fetch(`${url}/products/${id}`).catch(() => undefined);
      if (answer?.status === 200) acknowledged += 1;
      else isOver = true;
    }
  });
  await eventually(() => acknowledged > 50, { timeoutMs: 120_000 });
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(kill);
  await Promise.all(visitors);
  // Nest ends the process by the signal that it was sent, once all is closed.
  expect([code ?? 0, signal ?? 'SIGTERM']).toEqual([0, 'SIGTERM']);
  const [row] = await query(`select name, views from product where id = '${id}'`);
  expect(row?.['name']).toBe('Kettle');
  // A view whose answer was lost with the server is counted and not acknowledged.
  expect(row?.['views']).toBeGreaterThanOrEqual(acknowledged);
  expect(row?.['views']).toBeLessThanOrEqual(acknowledged + VISITORS);
}

/** Who is authorised has the page; who is not has nothing. */
async function lookAtDashboard(url: string): Promise<void> {
  const page = await fetch(`${url}/spillway/`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>')]);
  const elsewhere = await fetch(`${url.replace('localhost', '127.0.0.1')}/spillway/`);
  expect([elsewhere.status, await elsewhere.text()]).toEqual([403, '']);
}

async function write(project: EmptyProject, blocks: readonly CodeBlock[]): Promise<void> {
  for (const { file, language, code } of blocks) {
    if (file === undefined || !['ts', 'json'].includes(language)) continue;
    // JSON has no comments: the name of the file is not a part of it.
    const text = language === 'json' ? code.replace(/^.*\n/, '') : code;
    await writeFile(path.join(project.folder, file), text.replaceAll(REDIS, server.url).replaceAll(DATABASE, db.url));
  }
}

/**
 * Runs the lines of npm as they stand, from the newest of the registry, with our packages as they would be published.
 */
async function install(
  project: EmptyProject,
  blocks: readonly CodeBlock[],
  versions: Readonly<Record<string, string>> = {},
  shell = 'sh',
): Promise<void> {
  const lines = blocks.filter(({ language }) => language === shell).flatMap(({ code }) => code.trim().split('\n'));
  for (const line of lines.filter((each) => each.startsWith('npm '))) {
    const [, ...words] = line.split(' ');
    const isInstall = words[0] === 'install';
    await project.run('npm', ...packed.insteadOfNames(asOthers(words, versions)), ...(isInstall ? QUIETLY : []));
  }
}

const QUIETLY = ['--no-audit', '--no-fund', '--prefer-online'];

/** Other versions of the packages that are named by what they begin with. */
function asOthers(words: readonly string[], versions: Readonly<Record<string, string>>): string[] {
  return words.map((word) => {
    const [, version] = Object.entries(versions).find(([beginning]) => word.startsWith(beginning)) ?? [];
    return version === undefined ? word : `${word}@${version}`;
  });
}

/** The namespace and the tables of the documents belong to one program at a time. */
async function forget(): Promise<void> {
  const client = new Redis(server.url);
  await client.flushall();
  client.disconnect();
  await query('drop schema public cascade; create schema public');
}

async function start(
  project: EmptyProject,
  program: string,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [program], {
    cwd: project.folder,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const port = await eventually(
    () => {
      const found = /listening on .*?(?:port: |:)(\d{4,5})\b/s.exec(output)?.[1];
      if (found === undefined) throw new Error(`${program} has said: ${output}`);
      return found;
    },
    { timeoutMs: 120_000 },
  );
  return { url: `http://localhost:${port}`, child };
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
