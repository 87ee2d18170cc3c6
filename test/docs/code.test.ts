import { database, eventually, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks, documents } from './markdown.js';
import { promisedOutput, ReaderProject } from './reader-project.js';
import { Product, shop } from './shop.js';

/** Private servers: the programs use the namespace that the documents name, which must not meet another run's. */
let server: PrivateRedis;
let db: Database;
let project: ReaderProject;
let complaints: string;

beforeAll(async () => {
  [server, db] = await Promise.all([redis(), database()]);
  project = new ReaderProject(documents(), { redis: server.url, database: db.url });
  complaints = project.compile();
  const orm = await shop(db.url, { redis: server.url });
  await orm.schema.update({ safe: true });
  await orm.close();
});

afterAll(async () => {
  project[Symbol.dispose]();
  await db.drop();
  await server.stop();
});

test('the code of the documents compiles, word for word', () => {
  expect(complaints).toBe('');
});

/** PGlite takes seconds to begin. */
const LONG_MS = 180_000;

test.each([
  'embedded.ts',
  'servers.ts',
  'main.ts',
  'conflict.ts',
  'queries.ts',
  'dead-letters.ts',
  'receipts.ts',
  'rehearsal.ts',
  'product-test.ts',
])(
  '%s does what its comments say',
  async (file) => {
    const block = documents()
      .flatMap(codeBlocks)
      .find((candidate) => candidate.file === file);
    expect(block).toBeDefined();
    const promised = block ? promisedOutput(block) : '';
    expect(promised).not.toBe('');
    expect(await project.start(file).ended).toEqual({ output: promised, errors: '', code: 0 });
  },
  LONG_MS,
);

test('worker.ts writes what another process has staged, and stops when it is asked to', async () => {
  const worker = project.start('worker.ts');
  await eventually(() => worker.output().includes('writing'), { what: 'the worker to start', timeoutMs: 60_000 });
  const orm = await shop(db.url, { redis: server.url });
  const em = orm.em.fork();
  const product = em.create(Product, { id: randomUUID(), name: 'Pan' });
  await em.flush();
  await eventually(async () => {
    expect(await em.getConnection().execute('select name from product where id = ?', [product.id])).toEqual([
      { name: 'Pan' },
    ]);
  });
  await orm.close();
  worker.terminate();
  expect(await worker.ended).toEqual({
    output: 'writing\nstopped, shards with something left: 0\n',
    errors: '',
    code: 0,
  });
});
