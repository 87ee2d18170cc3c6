import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import { beforeEach, describe, expect, test } from 'vitest';
import type { TypeRegistry } from '../../../src/mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';
import { type Expected, hookStatements, SentStatements } from '../../../src/mikro-orm/read/running-queries.js';

const [book, tag] = ['book', 'tag'].map((name) => ({ name }) as unknown as WriteBehindType);
const types = {
  readBy: ({ name }: { name: string }) => [book, tag].filter((type) => Reflect.get(type ?? {}, 'name') === name),
};

/** Which connection was sent what. */
let sent: string[];
let driver: AbstractSqlDriver;
let statements: SentStatements;

const connection = (name: string) => ({
  execute: async (sql: string) => sent.push(`${name}: ${sql}`),
  stream: async function* (sql: string) {
    yield `${name}: ${sql}`;
  },
});

beforeEach(() => {
  sent = [];
  const connections = { write: connection('primary'), read: connection('replica') };
  driver = { getConnection: (type: 'read' | 'write') => connections[type] } as unknown as AbstractSqlDriver;
  statements = new SentStatements(types as unknown as TypeRegistry);
  hookStatements(driver, statements);
});

const execute = async (sql: string): Promise<unknown> => driver.getConnection('read').execute(sql);

/** A call that knows of books, and what it waits for besides. */
function expecting(late: Expected['late']): Expected {
  return { known: new Set([book as WriteBehindType]), late };
}

describe('a statement', () => {
  test('goes where MikroORM sends it while it names what was expected', async () => {
    await statements.during(
      expecting(async () => expect.unreachable()),
      async () => execute('select 1 from book'),
    );
    expect(sent).toEqual(['replica: select 1 from book']);
  });

  test('that names another table waits for it, and goes to the primary', async () => {
    const waits: unknown[] = [];
    await statements.during(
      expecting(async (found) => waits.push(...found) > 0),
      async () => execute('select 1 from book, tag'),
    );
    expect([waits, sent]).toEqual([[tag], ['primary: select 1 from book, tag']]);
  });

  test('goes where MikroORM sends it if nothing had to be written', async () => {
    await statements.during(
      expecting(async () => false),
      async () => execute('select 1 from tag'),
    );
    expect(sent).toEqual(['replica: select 1 from tag']);
  });

  test('is not sent if what it names could not be written, and the error is that one', async () => {
    const late = new Error('too late');
    const sending = statements.during(
      expecting(async () => Promise.reject(late)),
      async () => execute('select 1 from tag').catch(() => Promise.reject(new Error('of the driver'))),
    );
    await expect(sending).rejects.toBe(late);
    expect(sent).toEqual([]);
  });

  test('that names twice a table of which some rows were looked up reads others of it too', async () => {
    const waits: unknown[] = [];
    const lookUp = { ...expecting(async (found) => waits.push(...found) > 0), byKey: book };
    await statements.during(lookUp, async () => execute('select 1 from book where id = ?'));
    expect(waits).toEqual([]);
    await statements.during(lookUp, async () => execute('select (select count(*) from book) from book where id = ?'));
    expect(waits).toEqual([book]);
  });

  test('of nobody, or of what is apart from the call, is not looked at', async () => {
    await execute('select 1 from tag');
    await statements.during(
      expecting(async () => expect.unreachable()),
      async () => statements.apart(async () => execute('insert into tag')),
    );
    expect(sent).toEqual(['replica: select 1 from tag', 'replica: insert into tag']);
  });

  test('whose rows come one by one is looked at once, before the first of them', async () => {
    const waits: unknown[] = [];
    const stream = driver.getConnection('read').stream.bind(driver.getConnection('read'));
    const rows: unknown[] = [];
    for await (const row of statements.streaming(
      expecting(async (found) => waits.push(...found) > 0),
      () => stream('select 1 from tag', []) as AsyncIterableIterator<unknown>,
    ))
      rows.push(row);
    expect([waits, rows]).toEqual([[tag], ['primary: select 1 from tag']]);
  });
});
