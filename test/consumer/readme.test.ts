import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { database, eventually, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks, document, type CodeBlock } from '../docs/markdown.js';
import { EmptyProject, PackedPackages } from './packed.js';
import { withVersions } from './versions.js';

/** Where the documents say that the servers are. */
const REDIS = 'redis://localhost:6379';
const DATABASE = 'postgres://localhost:5432/shop';

let server: PrivateRedis;
let db: Database;
let packed: PackedPackages;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  [server, packed] = await Promise.all([redis(), PackedPackages.pack(['core', 'nestjs'])]);
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
    ['12', {}],
    ['11', { '@nestjs/': '11' }],
  ])(
    'has the NestJS %s application of its README running, stops it under load, and loses nothing',
    async (_release, versions) => {
      const blocks = codeBlocks(document('packages/nestjs/README.md'));
      await using project = await EmptyProject.create();
      await write(project, blocks);
      await writeFile(path.join(project.folder, 'package.json'), JSON.stringify({ type: 'module' }));
      for (const command of shellCommands(blocks).filter((line) => line.startsWith('npm install')))
        await install(project, command, versions);
      await project.run('npx', 'tsc');
      await useShop(await start(project, 'main.js'), 'health/ready');
    },
  );

  test('has the Express application of the documents running, stops it under load, and loses nothing', async () => {
    const readme = codeBlocks(document('README.md'));
    const shared = readme.filter(({ file }) => file === 'product.ts' || file === 'mikro-orm.config.ts');
    const nest = codeBlocks(document('packages/nestjs/README.md')).filter(({ file }) => file === 'tsconfig.json');
    await using project = await EmptyProject.create();
    await write(project, [...shared, ...nest, ...codeBlocks(document('docs/express.md'))]);
    await writeFile(path.join(project.folder, 'package.json'), JSON.stringify({ type: 'module' }));
    await install(project, installLineOf(document('README.md').text));
    await install(project, 'npm install express');
    await install(project, 'npm install --save-dev typescript @types/node @types/express');
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

async function write(project: EmptyProject, blocks: readonly CodeBlock[]): Promise<void> {
  for (const { file, language, code } of blocks) {
    if (file === undefined || !['ts', 'json'].includes(language)) continue;
    // JSON has no comments: the name of the file is not a part of it.
    const text = language === 'json' ? code.replace(/^.*\n/, '') : code;
    await writeFile(path.join(project.folder, file), text.replaceAll(REDIS, server.url).replaceAll(DATABASE, db.url));
  }
}

async function install(
  project: EmptyProject,
  line: string,
  versions: Readonly<Record<string, string>> = {},
): Promise<void> {
  const [, ...words] = line.split(' ');
  const withTarballs = packed.insteadOfNames(withVersions(words, versions));
  await project.run('npm', ...withTarballs, '--no-audit', '--no-fund', '--prefer-offline');
}

function shellCommands(blocks: readonly CodeBlock[]): string[] {
  return blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.trim().split('\n'));
}

/** In the README it stands in a sentence. */
function installLineOf(text: string): string {
  const line = /`(npm install @spillway\/core [^`]*)`/.exec(text)?.[1];
  if (line === undefined) throw new Error('The README does not say what to install');
  return line;
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
