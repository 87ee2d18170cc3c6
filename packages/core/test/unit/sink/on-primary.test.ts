import { expect, test } from 'vitest';
import { openPostgresDoubts } from '../../../src/sink/postgres/cache/open-postgres-doubts.js';
import { onPrimary } from '../../../src/sink/postgres/on-primary.js';
import { CallerSession } from '../../../src/sink/postgres/joined/caller-session.js';
import { PgSession } from '../../../src/sink/postgres/session.js';

test.each([
  'select pg_current_xact_id()',
  'with s as (select 1) select * from s',
  'select\n 1',
  '(select 1) union all select 2',
])('pgpool-II leaves %j on the primary: it balances no read that a comment stands before', (statement) =>
  expect(onPrimary(statement)).toBe(`/*NO LOAD BALANCE*/ ${statement}`),
);

test.each(['insert into t values (1)', 'update t set a = 1', 'savepoint a', 'begin; select 1'])(
  '%j goes there anyhow, and stays as it is',
  (statement) => expect(onPrimary(statement)).toBe(statement),
);

test("Spillway's own connections and the application's transaction are asked so", async () => {
  const sent: string[] = [];
  const client = {
    query: async ({ text }: { readonly text: string }) => {
      sent.push(text);
      return { rows: [] };
    },
  };
  await new PgSession(client as never).rows('select 1', []);
  await new CallerSession(async (text) => {
    sent.push(text);
    return [];
  }).rows('select 2', []);
  expect(sent).toEqual(['/*NO LOAD BALANCE*/ select 1', '/*NO LOAD BALANCE*/ select 2']);
});

test('the cache asks so in the transaction of the application', async () => {
  const sent: string[] = [];
  const execute = async (text: string): Promise<Record<string, unknown>[]> => {
    sent.push(text);
    return [{ number: '7' }];
  };
  const connection = { connectionString: 'postgresql://127.0.0.1:1/none' };
  const doubts = openPostgresDoubts({ connection, namespace: 'app', copied: () => [], onIdleError: () => undefined });
  expect(await doubts.numberOf(execute)).toBe('7');
  await doubts.hold('an id', execute);
  expect(sent).toHaveLength(2);
  expect(sent.every((text) => text.startsWith('/*NO LOAD BALANCE*/ select '))).toBe(true);
});
