import { MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Waits } from '../../../src/runtime/waits.js';
import { spillway } from '../../../src/index.js';
import { ALL, BEHIND } from './touched-entities.js';
import { randomQuery } from './touched-queries.js';

/**
 * Random queries: whatever tables a statement names, each had been waited for when it was sent. The tables are found by
 * their names alone, which are like nothing else in any statement; nothing of the analysis that is tested is used.
 */

const TABLES = BEHIND.map(({ meta }) => meta.tableName);
const VIEW = 'qa_stats';

let db: Database;
/** MikroORM names what filters of references reach in its arguments, or joins it late. */
let orms: Record<'early' | 'late', MikroORM>;
/** What has been waited for since the query began, and what was sent without. */
let awaited = new Set<string>();
let missed: string[] = [];

beforeAll(async () => {
  db = await database();
  orms = { early: await open(true), late: await open(false) };
  await orms.early.schema.create();
});

async function open(autoJoinRefsForFilters: boolean): Promise<MikroORM> {
  return MikroORM.init({
    entities: ALL as never,
    clientUrl: db.url,
    autoJoinRefsForFilters,
    onQuery: (sql) => {
      const named = sql.includes(VIEW) ? TABLES : TABLES.filter((table) => sql.includes(table));
      missed.push(...named.filter((table) => !awaited.has(table)).map((table) => `${table}: ${sql}`));
      return sql;
    },
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  await orms.early.close();
  await orms.late.close();
  await db.drop();
});

/** Notes what is waited for, when it has been. */
function listen(): void {
  const drainForQuery: Waits['drainForQuery'] = Reflect.get(Waits.prototype, 'drainForQuery');
  const drain: Waits['drain'] = Reflect.get(Waits.prototype, 'drain');
  vi.spyOn(Waits.prototype, 'drainForQuery').mockImplementation(async function (this: Waits, types, caller) {
    const outcome = await drainForQuery.call(this, types, caller);
    for (const { table } of types) awaited.add(table.name);
    return outcome;
  });
  // What is looked up by key is not waited for as a whole: its rows are.
  vi.spyOn(Waits.prototype, 'drain').mockImplementation(async function (this: Waits, scope, options) {
    await drain.call(this, scope, options);
    if (scope.kind === 'rows') for (const key of scope.keys) awaited.add((JSON.parse(key) as string[])[1] ?? '');
    if (scope.kind === 'tables') for (const { table } of scope.tables) awaited.add(table);
  });
}

/** A generator of numbers that a seed repeats. */
function picking(seed: number): <T>(from: readonly T[]) => T {
  let state = seed;
  return (from) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return from[Math.floor((state / 2 ** 32) * from.length)] as never;
  };
}

describe('a statement of a random query', () => {
  test.each<[keyof typeof orms, number]>([
    ['early', 1],
    ['late', 2],
    ['early', 3],
    ['late', 4],
  ])('names no table that has not been waited for, with what filters join %s, seed %i', async (when, seed) => {
    listen();
    const pick = picking(seed * 7919);
    const kinds = new Set<string>();
    for (let count = 0; count < 100; count += 1) {
      const query = randomQuery(pick);
      [awaited, missed] = [new Set<string>(), []];
      // What MikroORM or PostgreSQL refuses is refused without us too; what was sent before counts all the same.
      await query.run(orms[when].em.fork()).then(
        () => kinds.add(query.kind),
        () => undefined,
      );
      const wrong = missed.filter((miss) => !isLookUp(miss));
      expect({ query: query.text, wrong }).toEqual({ query: query.text, wrong: [] });
    }
    // Most kinds have been answered at least once.
    expect(kinds.size).toBeGreaterThan(10);
  });
});

/** The statement of a look-up, which is laid over: of the table itself, by its key, without a join or a subquery. */
function isLookUp(miss: string): boolean {
  const [table = '', ...rest] = miss.split(': ');
  const sql = rest.join(': ');
  const isOnlyTable = sql.split(/\bfrom\b/u).length === 2 && !sql.includes(' join ');
  return isOnlyTable && sql.includes(`from "${table}" as`) && / where "\w+"\."id" (?:in \(|= )/u.test(sql);
}
