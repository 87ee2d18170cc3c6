import { database, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Article, repositoryOrm } from './repository-entities.js';

let db: Database;

beforeAll(async () => {
  db = await database();
});
afterAll(async () => db.drop());

/** By default MikroORM makes the database, whatever it is called. */
const MADE_BY_NOBODY = { ensureDatabase: false } as const;

/** What the first use says. */
async function failureAt(url: string): Promise<string> {
  const orm = await repositoryOrm(url, { worker: false }, MADE_BY_NOBODY);
  try {
    const em = orm.em.fork();
    em.create(Article, { name: 'Kettle' });
    return await em.flush().then(
      () => 'nothing',
      (error: unknown) => String(error),
    );
  } finally {
    await orm.close();
  }
}

function changed(change: (url: URL) => void): string {
  const url = new URL(db.url);
  change(url);
  return String(url);
}

test.each([
  [
    'database',
    changed.bind(undefined, (url) => (url.pathname = '/no_such_shop')),
    'database "no_such_shop" does not exist (SQLSTATE 3D000)',
  ],
  [
    'role',
    changed.bind(undefined, (url) => (url.username = 'no_such_role')),
    'role "no_such_role" does not exist (SQLSTATE 28000)',
  ],
] as const)(
  'a %s that is not there is named by the first use, in the words of PostgreSQL',
  async (_, url, sentence) => {
    const failure = await failureAt(url());
    expect(failure).toContain('DATABASE_UNAVAILABLE');
    expect(failure).toContain(`PostgreSQL refuses the connection: ${sentence}`);
  },
);

test('a port where nothing listens is named by the first use', async () => {
  const failure = await failureAt(changed((url) => Object.assign(url, { hostname: 'localhost', port: '1' })));
  expect(failure).toMatch(/PostgreSQL cannot be reached: .*ECONNREFUSED .*:1/);
});

test('health says in the words of PostgreSQL why it refuses the connection', async () => {
  const orm = await repositoryOrm(
    changed((url) => (url.pathname = '/no_such_shop')),
    { worker: false },
    MADE_BY_NOBODY,
  );
  const { states, problems } = await Spillway.of(orm).health();
  await orm.close();
  expect(states).toEqual(['database-refusing']);
  expect(problems.join()).toContain('database "no_such_shop" does not exist');
});
