import type { EntityManager, EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { expect } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { stagingOrm, type StagingOrm } from './staging-orm.js';

/** Entities by a name of their own, whatever their tables are called. */
export type Family = Readonly<Record<string, EntitySchema>>;

/** What a program saw, and what it left in the tables. */
interface Trace {
  readonly seen: readonly unknown[];
  readonly tables: Readonly<Record<string, unknown>>;
}

type Program<F> = (em: EntityManager, entities: F, read: (what: unknown) => void) => Promise<void>;

/** Two families of one shape in one database: the first is written behind, the other by MikroORM alone. */
export interface TwinFamilies<F> extends StagingOrm {
  readonly behind: F;
  readonly twin: F;
  /**
   * Runs a program on both, and expects that it has seen the same, has left the same in the tables, and that nothing
   * was refused.
   */
  expectSame(program: Program<F>): Promise<void>;
}

/**
 * @param family makes the entities, with this before their names
 * @param policyOf of the entity that has this name in the family; `undefined` for one that carries none
 */
export function twinFamilies<F extends Family>(
  family: (prefix: string) => F,
  policyOf: (name: string) => object | undefined = () => ({}),
): TwinFamilies<F> {
  const [behind, twin] = [family('Behind'), family('Twin')];
  for (const [name, entity] of Object.entries(behind)) {
    const policy = policyOf(name);
    if (policy) WriteBehind(policy)(entity.class as never);
  }
  const own = stagingOrm([...Object.values(behind), ...Object.values(twin)]);
  return {
    behind,
    twin,
    get orm() {
      return own.orm;
    },
    expectSame: async (program) => {
      const { staged, plain: byMikroOrm, dead } = await runOnTwins(own.orm, { behind, twin }, program);
      expect(staged).toEqual(byMikroOrm);
      expect(dead).toEqual([]);
    },
  };
}

/** What is staged is drained before the tables are read. */
async function runOnTwins<F extends Family>(
  orm: MikroORM,
  { behind, twin }: { readonly behind: F; readonly twin: F },
  program: Program<F>,
): Promise<{ staged: Trace; plain: Trace; dead: readonly unknown[] }> {
  const plainly = await seenBy(orm, twin, program);
  const staged = await seenBy(orm, behind, program);
  // What had to give way to another row of its batch, such as a unique value that passed on, is written by the next
  // one.
  do await Spillway.of(orm).drain();
  while ((await pending(orm)) > 0);
  return {
    staged: { seen: staged, tables: await tablesOf(orm, behind) },
    plain: { seen: plainly, tables: await tablesOf(orm, twin) },
    dead: await Spillway.of(orm).deadLetters.list(),
  };
}

async function seenBy<F>(orm: MikroORM, entities: F, program: Program<F>): Promise<unknown[]> {
  const seen: unknown[] = [];
  await program(orm.em.fork(), entities, (what) => seen.push(plain(what)));
  return seen;
}

async function tablesOf(orm: MikroORM, family: Family): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const [name, entity] of Object.entries(family)) {
    const { tableName } = orm.getMetadata().get(entity.class);
    tables[name] = await orm.em.getConnection().execute(`select * from ${tableName} as t order by t::text`);
  }
  return tables;
}

/**
 * What another entity manager reads now, and what it finds changed in it: nothing, or whatever MikroORM itself takes
 * for a change.
 */
export async function fresh(orm: MikroORM, entity: EntitySchema, key: unknown, options: object = {}): Promise<unknown> {
  const em = orm.em.fork();
  const found = await em.findOne(entity, key, options);
  if (!found) return null;
  em.getUnitOfWork().computeChangeSets();
  const changes = em
    .getUnitOfWork()
    .getChangeSets()
    .map(({ payload }) => payload);
  const properties = orm.getMetadata().get(entity.class).props;
  const values = Object.fromEntries(properties.map(({ name }) => [name, Reflect.get(found, name) as unknown]));
  return { ...values, changes };
}

export async function pending(orm: MikroORM): Promise<number> {
  const { pending: records } = await Spillway.of(orm).status();
  return Object.values(records).reduce((sum, count) => sum + count, 0);
}

function plain(what: unknown): unknown {
  const text = JSON.stringify(what ?? null, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return JSON.parse(text) as unknown;
}
