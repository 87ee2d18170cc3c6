import { defineEntity, MikroORM, p, Utils, type Options } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const Versioned = defineEntity({
  name: 'Versioned',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});
const Bare = defineEntity({ name: 'Bare', properties: { id: p.integer().primary(), text: p.string() } });
for (const { class: entity } of [Versioned, Bare]) WriteBehind()(entity as never);

/** What is said when Spillway is used, and used again. */
async function said(settings: Options): Promise<{ atOnce: string[]; used: string[] }> {
  await using db = await database();
  const warnings: string[] = [];
  const logger = { warn: (text: string) => void warnings.push(text), error: () => undefined };
  const options = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } };
  const orm = await MikroORM.init({ clientUrl: db.url, ...settings, extensions: [spillway({ ...options, logger })] });
  const atOnce = [...warnings];
  await Spillway.of(orm).health();
  await Spillway.of(orm).drain();
  await orm.close();
  return { atOnce, used: warnings };
}

const found = Utils.getORMVersion();

test.runIf(['7.1.9', '7.2.1'].includes(found))(
  'a MikroORM that compares versions before the update: one warning at the first use, with its version',
  async () => {
    const { atOnce, used } = await said({ entities: [Versioned] });
    expect(atOnce).toEqual([]);
    expect(used).toEqual([
      expect.stringMatching(`MikroORM ${found} .*without an OptimisticLockError.*7\\.2\\.5.*useBatchUpdates`),
    ]);
  },
);

test('nothing is said where it updates rows one by one, or no entity has a version', async () => {
  expect((await said({ entities: [Versioned], useBatchUpdates: false })).used).toEqual([]);
  expect((await said({ entities: [Bare] })).used).toEqual([]);
});
