import { expect, test } from 'vitest';
import { onPrimary } from '../../../src/sink/postgres/on-primary.js';
import { CallerSession } from '../../../src/sink/postgres/joined/caller-session.js';
import { PgSession } from '../../../src/sink/postgres/session.js';

test.each(['select pg_current_xact_id()', 'with s as (select 1) select * from s', 'select\n 1'])(
  'pgpool-II leaves %j on the primary: it balances no read that a comment stands before',
  (statement) => expect(onPrimary(statement)).toBe(`/*NO LOAD BALANCE*/ ${statement}`),
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
