import { isDeepStrictEqual } from 'node:util';
import {
  MikroORM,
  type EntityMetadata,
  type EntityManager,
  type EntityName,
  type Options,
} from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect } from 'vitest';
import { Spillway, spillway, type PolicyDefaults } from '../../../src/index.js';

/** The same entities twice, in two databases: one ORM writes behind, the other is plain MikroORM. */
export interface Twins extends AsyncDisposable {
  readonly behind: MikroORM;
  readonly plain: MikroORM;
  /**
   * Runs a step of a program on both, in an entity manager of its own, and expects the same answer, and that the same
   * of what was read counts as changed afterwards: nothing, as a rule.
   */
  same(step: (em: EntityManager) => unknown): Promise<void>;
  /**
   * Writes everything that is staged. What then differs between the tables of the two databases, and what was refused;
   * nothing, if all is well.
   */
  differences(): Promise<unknown[]>;
}

export async function twins(
  entities: readonly EntityName[],
  options: Partial<Options> = {},
  defaults: PolicyDefaults = {},
): Promise<Twins> {
  const [left, right] = [await database(), await database()];
  const behind = await MikroORM.init({
    entities: [...entities],
    clientUrl: left.url,
    ...options,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        worker: false,
        tables: { ensure: true },
        defaults,
      }),
    ],
  });
  const plain = await MikroORM.init({ entities: [...entities], clientUrl: right.url, ...options });
  await behind.schema.create();
  await plain.schema.create();
  const run = async (orm: MikroORM, step: (em: EntityManager) => unknown): Promise<unknown> => {
    const em = orm.em.fork();
    const answer = plainData(await step(em));
    em.getUnitOfWork().computeChangeSets();
    const changes = em.getUnitOfWork().getChangeSets();
    return { answer, changes: changes.map(({ payload }) => payload) };
  };
  return {
    behind,
    plain,
    same: async (step) => {
      expect(await run(behind, step)).toEqual(await run(plain, step));
    },
    differences: async () => {
      await Spillway.of(behind).drain();
      const found: unknown[] = [...(await Spillway.of(behind).deadLetters.list())];
      for (const table of tablesOf(plain)) {
        const rows = `select to_jsonb(t)::text as row from ${table} t order by 1`;
        const [ours, theirs] = [await select(behind, rows), await select(plain, rows)];
        if (!isDeepStrictEqual(ours, theirs)) found.push({ table, ours, theirs });
      }
      return found;
    },
    [Symbol.asyncDispose]: async () => {
      await behind.close();
      await plain.close();
      await left.drop();
      await right.drop();
    },
  };
}

function tablesOf(orm: MikroORM): ReadonlySet<string> {
  const metas: EntityMetadata[] = [...orm.getMetadata().getAll().values()];
  return new Set(
    metas.flatMap((meta) =>
      meta.embeddable || meta.virtual ? [] : [`"${meta.schema ?? 'public'}"."${meta.tableName}"`],
    ),
  );
}

async function select(orm: MikroORM, sql: string): Promise<unknown[]> {
  return orm.em.getConnection().execute(sql);
}

/**
 * Entities as plain data with their class: what `toEqual` compares without looking into MikroORM's own state. What
 * refers back to where it was found is named only.
 */
function plainData(value: unknown, within: readonly object[] = []): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array) return value;
  if (within.includes(value)) return { again: value.constructor.name };
  const path = [...within, value];
  if (Array.isArray(value)) return value.map((item) => plainData(item, path));
  const names = new Set(Object.keys(value).filter((name) => !name.startsWith('__')));
  const data = Object.fromEntries(
    [...names]
      .map((name) => [name, plainData(Reflect.get(value, name), path)] as const)
      .filter(([, part]) => part !== undefined),
  );
  return { class: value.constructor.name, ...data };
}
