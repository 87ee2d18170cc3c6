import { OptimisticLockError, type MikroORM } from '@mikro-orm/postgresql';
import { randomUUID } from 'node:crypto';
import { database, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, SpillwayError, StagingPartialError } from '../../../src/index.js';
import { rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import type { GroupAnswer, StageGroup } from '../../../src/staging/stage-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Product, shopOrm } from './shop.js';

type Fault = 'refuse' | 'answer lost' | 'not received';

/**
 * A staging store of which single calls go wrong, by the name of a product that is in them. Each shard is on a server
 * of its own, so a flush over several shards goes by several calls.
 */
function faulty(store: StagingStore, faults: Map<string, Fault>): StagingStore {
  const stage = async (group: StageGroup): Promise<GroupAnswer> => {
    const fault = [...faults].find(([name]) => JSON.stringify(group.units).includes(name))?.[1];
    if (fault === 'refuse') {
      const refusals = group.units.flatMap(({ changes }) =>
        changes.map(({ rowKey }) => ({ rowKey, reason: 'full' as const })),
      );
      return { status: 'judged', units: [{ status: 'refused', refusals }] };
    }
    if (fault === 'not received') throw new SpillwayError('STAGING_TIMEOUT', 'nothing came back');
    const answer = await store.stage(group);
    if (fault === 'answer lost') throw new SpillwayError('STAGING_TIMEOUT', 'nothing came back');
    return answer;
  };
  const fence = async (group: StageGroup): Promise<GroupAnswer> => {
    if (faults.size > 0) throw new SpillwayError('STAGING_TIMEOUT', 'nothing came back');
    return store.fence(group);
  };
  return new Proxy(store, {
    get: (target, name) =>
      ({ stage, fence, serverOf: (shard: number) => shard })[name as 'stage'] ??
      (bound(Reflect.get(target, name, target), target) as never),
  });
}

function bound(value: unknown, target: object): unknown {
  return typeof value === 'function' ? value.bind(target) : value;
}

let db: Database;
let orm: MikroORM;
const faults = new Map<string, Fault>();
let staging: ReturnType<typeof faulty>;

beforeAll(async () => {
  db = await database();
  staging = faulty(memoryStaging(), faults);
  orm = await shopOrm(db.url, {
    redis: undefined,
    staging,
    worker: false,
    stageTimeout: '50ms',
    defaults: { onFull: 'reject' },
  } as never);
  await orm.schema.create();
});

beforeEach(() => faults.clear());

afterAll(async () => {
  await orm.close();
  await db.drop();
});

/** Rows of one server go by one call, which is refused as a whole. */
function inAnotherShardThan(id: string): string {
  const shard = (each: string) =>
    shardOf(rowKeyOf({ schema: 'public', table: 'product', key: [each] }), staging.shards);
  let other = id;
  while (shard(other) === shard(id)) other = randomUUID();
  return other;
}

async function namesInDatabase(prefix: string): Promise<string[]> {
  await Spillway.of(orm).drain();
  const rows = await orm.em
    .getConnection()
    .execute('select name from product where name like ? order by name', [`${prefix}%`]);
  return rows.map((row: Record<string, unknown>) => String(row['name']));
}

describe('H5: a flush that is staged in part', () => {
  test('keeps what was accepted, puts back what was refused, and stages the rest at the next flush, each once', async () => {
    faults.set('part refused', 'refuse');
    const em = orm.em.fork();
    const accepted = em.create(Product, { name: 'part accepted' });
    const refused = em.create(Product, { id: inAnotherShardThan(accepted.id), name: 'part refused' });
    const error = await em.flush().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StagingPartialError);
    expect(error).toMatchObject({ code: 'STAGING_PARTIAL', staged: [accepted], refused: [refused], unknown: [] });
    expect((error as Error).message).toMatch(
      /1 staged \(Product\), 1 refused \(Product\), 0 unknown \(none\)\. What is not staged is still changed in the entity manager; call em\.flush\(\) again/,
    );
    expect(await namesInDatabase('part')).toEqual(['part accepted']);
    faults.clear();
    await em.flush();
    expect(await namesInDatabase('part')).toEqual(['part accepted', 'part refused']);
    expect(refused.version).toBe(1);
    await em.flush();
    expect(await namesInDatabase('part')).toHaveLength(2);
  });

  test('says by its lists what was accepted, where counters leave all versions as they are, and counts once', async () => {
    const em = orm.em.fork();
    const accepted = em.create(Product, { name: 'counted accepted' });
    const refused = em.create(Product, { id: inAnotherShardThan(accepted.id), name: 'counted refused' });
    await em.flush();
    const versions = [accepted.version, refused.version];
    faults.set(refused.id, 'refuse');
    accepted.views += 1;
    refused.views += 1;
    const error = (await em.flush().catch((thrown: unknown) => thrown)) as StagingPartialError;
    expect(error).toMatchObject({ code: 'STAGING_PARTIAL', staged: [accepted], refused: [refused], unknown: [] });
    expect([accepted.version, refused.version]).toEqual(versions);
    expect(error.message).toContain(
      '"staged" of this error says which entities are staged; their versions do not, since counters leave a version as it is',
    );
    faults.clear();
    await error.retry();
    await Spillway.of(orm).drain();
    const rows = await em.getConnection().execute("select views from product where name like 'counted %'");
    expect(rows).toEqual([{ views: 1 }, { views: 1 }]);
  });

  test('puts back the version and the snapshot of a refused update', async () => {
    const em = orm.em.fork();
    const product = em.create(Product, { name: 'update 1' });
    await em.flush();
    faults.set('update 2', 'refuse');
    product.name = 'update 2';
    await expect(em.flush()).rejects.toMatchObject({ code: 'STAGING_FULL' });
    expect(product.version).toBe(1);
    faults.clear();
    await em.flush();
    expect(product.version).toBe(2);
    expect(await namesInDatabase('update')).toEqual(['update 2']);
  });

  test('puts back a refused removal', async () => {
    const em = orm.em.fork();
    const product = em.create(Product, { name: 'removal' });
    await em.flush();
    const other = orm.em.fork();
    (await other.findOneOrFail(Product, product.id)).name = 'removal 2';
    await other.flush();
    em.remove(product);
    await expect(em.flush()).rejects.toThrow(OptimisticLockError);
    expect(em.getUnitOfWork().getById(Product, product.id as never)).toBe(product);
    await em.refresh(product);
    await em.flush();
    expect(await namesInDatabase('removal')).toEqual([]);
  });
});

describe('C5: a stage call whose answer is lost', () => {
  test('is settled by the next flush before anything is compared, and applied once', async () => {
    const em = orm.em.fork();
    const product = em.create(Product, { name: 'lost', views: 10 });
    await em.flush();
    faults.set('"views":"1"', 'answer lost');
    product.views += 1;
    const error = await em.flush().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STAGING_TIMEOUT' });
    expect((error as Error).message).toMatch(
      /^The staging store did not answer: it is unknown whether Product is staged\. Call em\.flush\(\) again/,
    );
    faults.clear();
    product.views += 5;
    await em.flush();
    await Spillway.of(orm).drain();
    expect((await orm.em.fork().findOneOrFail(Product, product.id)).views).toBe(16);
  });

  test('that never arrived is applied once too', async () => {
    const em = orm.em.fork();
    const product = em.create(Product, { name: 'never', views: 10 });
    await em.flush();
    faults.set('"views":"1"', 'not received');
    product.views += 1;
    await expect(em.flush()).rejects.toMatchObject({ code: 'STAGING_TIMEOUT' });
    faults.clear();
    await em.flush();
    await em.flush();
    expect((await orm.em.fork().findOneOrFail(Product, product.id)).views).toBe(11);
  });
});
