import { IsolationLevel, TransactionPropagation } from '@mikro-orm/core';
import { type MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import type { Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { hookTransactions } from '../../../src/mikro-orm/transactions/hook-transactions.js';
import {
  ScopeNotes,
  type TransactionScope,
  TransactionScopes,
} from '../../../src/mikro-orm/transactions/transaction-scope.js';
import { replaced } from './broken-orm.js';
import { Note, shopDatabase, shopOrm } from './shop.js';

let db: Database;
let orm: MikroORM;
let scopes: TransactionScopes;
/** What a test has noted, and how the transactions of which it wanted to know have ended. */
let notes: ScopeNotes<string>;
let ends: string[];

beforeAll(async () => {
  db = await shopDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  orm = await shopOrm(db.url, {}, { extensions: [] });
  scopes = new TransactionScopes();
  notes = new ScopeNotes();
  ends = [];
  hookTransactions(orm.em.getConnection('write'), scopes);
});

afterEach(() => orm.close());

function scopeOf(em: SqlEntityManager): TransactionScope {
  const scope = scopes.of(em.getTransactionContext());
  if (!scope) throw new Error('There is no transaction');
  return scope;
}

/** Notes a text, and how the transaction ends with what stands of all texts by then. */
function note(em: SqlEntityManager, text: string): void {
  notes.add(scopeOf(em), text);
}

function watch(em: SqlEntityManager): TransactionScope {
  const scope = scopeOf(em);
  scope.beforeCommit(async () => void ends.push(`commit ${notes.standing(scope.root).join(' ')}`.trim()));
  scope.afterEnd(async (end) => void ends.push(end));
  return scope;
}

test('the transaction of em.transactional has a scope until it is committed', async () => {
  let scope: TransactionScope | undefined;
  const em = orm.em.fork();
  await em.transactional(async (inner) => {
    scope = watch(inner);
    note(inner, 'a');
    expect(scope.isOpen).toBe(true);
    expect(scope.parent).toBeUndefined();
  });
  expect(ends).toEqual(['commit a', 'commit-answered']);
  expect(scope?.isOpen).toBe(false);
  expect(scopes.of(scope?.ctx)).toBeUndefined();
});

test('a transaction that throws has ended as rolled back', async () => {
  const em = orm.em.fork();
  const failing = em.transactional(async (inner) => {
    watch(inner);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(ends).toEqual(['rolled-back']);
});

test('a released savepoint leaves its notes to the part around it, one that is rolled back to takes them back', async () => {
  await orm.em.fork().transactional(async (outer) => {
    watch(outer);
    note(outer, 'outer');
    const inside: unknown[] = [];
    await outer.transactional(async (kept) => {
      note(kept, 'kept');
      await kept
        .transactional(async (lost) => {
          note(lost, 'lost');
          inside.push(...notes.standing(scopeOf(lost)), scopeOf(lost).root === scopeOf(outer));
          throw new Error('back');
        })
        .catch(() => undefined);
      expect(inside).toEqual(['outer', 'kept', 'lost', true]);
      await kept.transactional(async (deep) => note(deep, 'deep'));
      expect(notes.standing(scopeOf(outer))).toEqual(['outer']);
    });
    expect(notes.standing(scopeOf(outer))).toEqual(['outer', 'kept', 'deep']);
  });
  expect(ends).toEqual(['commit outer kept deep', 'commit-answered']);
});

test('em.begin, em.commit and em.rollback are followed, nested ones too', async () => {
  const em = orm.em.fork();
  await em.begin();
  watch(em);
  note(em, 'a');
  await em.commit();
  await em.begin({ isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true });
  expect(watch(em).start).toEqual({ isolationLevel: 'repeatable read', isReadOnly: true, hasSession: false });
  await em.rollback();
  expect(ends).toEqual(['commit a', 'commit-answered', 'rolled-back']);

  await em.begin();
  const outer = em.getTransactionContext();
  watch(em);
  await em.begin({ ctx: outer });
  note(em, 'inner');
  await em.rollback();
  em.setTransactionContext(outer);
  await em.commit();
  expect(ends.slice(3)).toEqual(['commit', 'commit-answered']);
});

test('each propagation meets the transaction that it runs in', async () => {
  const { NESTED, REQUIRED, REQUIRES_NEW, NOT_SUPPORTED } = TransactionPropagation;
  await orm.em.fork().transactional(async (outer) => {
    const root = scopeOf(outer).root;
    await outer.transactional(async (em) => expect(scopeOf(em)).toBe(root), { propagation: REQUIRED });
    await outer.transactional(async (em) => expect(scopeOf(em).parent).toBe(root), { propagation: NESTED });
    await outer.transactional(
      async (em) => {
        expect(scopeOf(em).root).not.toBe(root);
        watch(em);
      },
      { propagation: REQUIRES_NEW },
    );
    expect(ends).toEqual(['commit', 'commit-answered']);
    await outer.transactional(async (em) => expect(scopes.of(em.getTransactionContext())).toBeUndefined(), {
      propagation: NOT_SUPPORTED,
    });
    expect(root.isOpen).toBe(true);
  });
});

test("a flush's own transaction and the connection's are followed", async () => {
  const em = orm.em.fork();
  const seen: boolean[] = [];
  em.getEventManager().registerSubscriber({
    afterCreate: async ({ em: of }) => void seen.push(scopes.of(of.getTransactionContext()) !== undefined),
    afterTransactionStart: async ({ transaction }) => void seen.push(scopes.of(transaction) !== undefined),
  });
  em.create(Note, { text: 'a' });
  await em.flush();
  expect(seen[0]).toBe(true);
  await orm.em.getConnection('write').transactional(async (ctx) => {
    scopes.of(ctx)?.afterEnd(async (end) => void ends.push(end));
  });
  expect(ends).toEqual(['commit-answered']);
});

test('COMMIT of a failed transaction is answered like any other: only the ledger knows better', async () => {
  const em = orm.em.fork();
  await em.begin();
  watch(em);
  await em.execute('select 1 / 0').catch(() => undefined);
  await em.commit();
  expect(ends).toEqual(['commit', 'commit-answered']);
});

test('a commit that meets a dead connection has ended unanswered', async () => {
  // Kysely does not give such a connection back to its pool, so that this ORM cannot be closed.
  const dying = await shopOrm(db.url, {}, { extensions: [] });
  hookTransactions(dying.em.getConnection('write'), scopes);
  const em = dying.em.fork();
  await em.begin();
  watch(em);
  const [{ pid }] = (await em.execute('select pg_backend_pid() as pid')) as [{ pid: number }];
  await orm.em.fork().execute('select pg_terminate_backend(?)', [pid]);
  await expect(em.commit()).rejects.toThrow(/terminat|not queryable/);
  expect(ends).toEqual(['commit', 'unanswered']);
  await em.rollback().catch(() => undefined);
  expect(ends).toEqual(['commit', 'unanswered']);
});

test('a subscriber that throws before COMMIT leaves the transaction open, and one that throws after it does not hide the end', async () => {
  const em = orm.em.fork();
  let fails = true;
  em.getEventManager().registerSubscriber({
    beforeTransactionCommit: async () => {
      if (fails) throw new Error('not yet');
    },
    afterTransactionCommit: async () => {
      ends.push('told');
      throw new Error('too late');
    },
  });
  await em.begin();
  const scope = watch(em);
  await expect(em.commit()).rejects.toThrow('not yet');
  expect(scope.isOpen).toBe(true);
  expect(ends).toEqual([]);
  fails = false;
  await expect(em.commit()).rejects.toThrow('too late');
  expect(ends).toEqual(['commit', 'commit-answered', 'told']);
});

test('what throws before COMMIT keeps it from being sent', async () => {
  const em = orm.em.fork();
  const failing = em.transactional(async (inner) => {
    inner.create(Note, { text: 'unwanted' });
    watch(inner).beforeCommit(() => Promise.reject(new Error('cannot be')));
  });
  await expect(failing).rejects.toThrow('cannot be');
  expect(ends).toEqual(['commit', 'rolled-back']);
  expect(await orm.em.fork().count(Note, { text: 'unwanted' })).toBe(0);
});

test('a transaction of somebody else, and savepoints in it, have no scope', async () => {
  const trx = await orm.em.fork().getKysely().startTransaction().execute();
  const em = orm.em.fork();
  await em.transactional(async (inner) => expect(scopes.of(inner.getTransactionContext())).toBeUndefined(), {
    ctx: trx,
  });
  await trx.rollback().execute();
});

test('an ORM whose transactions pass by the hooks is refused', async () => {
  const connection = orm.em.getConnection('write');
  const past = async (callback: (ctx: object) => Promise<unknown>): Promise<unknown> => callback({});
  using _past = replaced(connection, 'transactional', past);
  hookTransactions(connection, new TransactionScopes());
  await expect(orm.em.fork().transactional(async () => 1)).rejects.toThrow(
    "its connection's transactional() does not ask begin()",
  );
});
