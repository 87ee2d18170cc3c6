import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change, ChangeKind } from '../../src/change/change.js';
import { rowKeyOf, shardOf } from '../../src/change/row-key.js';
import { memoryStaging } from '../../src/staging/memory/memory-staging.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { StageUnit } from '../../src/staging/stage-side.js';
import type { StagingStore } from '../../src/staging/staging-store.js';

/** Groups over several shards go through both adapters, which must answer alike and be left alike. */

const SHARDS = 3;
const ROWS = Array.from({ length: 9 }, (_, key) => rowKeyOf({ schema: 'public', table: 'product', key: [`${key}`] }));
const KINDS: readonly ChangeKind[] = ['insert', 'update', 'upsert', 'delete', 'increment'];
const RULES = { debounceMs: 0, maxDelayMs: 0, maxPending: 2, maxRecordBytes: 300 };
const version = fc.constantFrom('1', '2', '3', '9', '9223372036854775807');
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 1 });
const texts = (value: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> =>
  fc.dictionary(fc.constantFrom('a', 'b', 'stock'), value, { maxKeys: 2 });
const delta = fc.constantFrom('1', '-1', '9223372036854775807');

const change = fc
  .record({
    row: fc.nat(ROWS.length - 1),
    kind: fc.constantFrom(...KINDS, 'increment' as const, 'increment' as const, 'insert' as const),
    base: maybe(version),
    version: maybe(version),
    values: texts(fc.constantFrom('1', '"x"', `"${'y'.repeat(90)}"`)),
    deltas: texts(delta),
    originals: texts(fc.constantFrom('0', '1')),
    isRowBase: maybe(fc.constant(true as const)),
  })
  .map(({ row, ...rest }): Change => {
    const all = { entity: row % 2 ? 'Product' : 'Price', rowKey: ROWS[row], ...rest };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as Change;
  });
const units = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('group' as const), units, policy: fc.constantFrom('p', 'q', 'p', 'p') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('claim' as const), shard: fc.nat(SHARDS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ack' as const), shard: fc.nat(SHARDS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('adopt' as const), shard: fc.nat(SHARDS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('empty' as const), shard: fc.nat(SHARDS - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('hold' as const),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function clean(value: unknown): unknown {
  if (value instanceof Map)
    return [...value].map(([k, v]) => [k, clean(v)]).toSorted((l, r) => String(l[0]).localeCompare(String(r[0])));
  if (Array.isArray(value)) return value.map(clean);
  if (value instanceof Error) return 'error';
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value)
        .filter(
          ([name, v]) =>
            v !== undefined && !['since', 'firstAtMs', 'oldestMs', 'ageMs', 'claimedAtMs', 'servers'].includes(name),
        )
        .map(([name, v]) => [name, clean(v)]),
    );
  return value;
}

async function run(store: StagingStore, steps: readonly Step[]): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const last = Array.from({ length: SHARDS }, () => 'T0');
  await store.adopt(0, 'T0');
  let n = 0;
  for (const s of steps) {
    n += 1;
    if (s.kind === 'group') {
      const rule = { ...RULES, policy: s.policy, ...(s.units.length % 3 === 0 && { steps: ['a', 'stock'] }) };
      const group = {
        id: `g${n}`,
        units: s.units.map((changes: Change[]) => ({ changes })),
        rules: { Product: rule, Price: { ...rule, maxPending: 3 } },
      };
      const check = await store.check(group.units[0] as StageUnit, group.rules);
      const answer = await store.stage(group);
      told.push(clean(check), clean(answer), clean(await store.stage(group)), clean(await store.fence(group)));
    } else if (s.kind === 'adopt') told.push(await store.adopt(s.shard, 'T0'));
    else if (s.kind === 'empty') {
      told.push(clean(await store.empty(s.shard, { kind: 'all' }, last[s.shard] as string)));
      last[s.shard] = 'T0';
    } else if (s.kind === 'claim') {
      const claim = await store.claim(s.shard, {
        token: `T${n}`,
        predecessor: last[s.shard] as string,
        limit: 100,
      });
      told.push(clean(claim.status === 'batch' ? { ...claim, batch: [...claim.batch.records.keys()].length } : claim));
    } else if (s.kind === 'ack') {
      const chain = await store.chain(s.shard);
      if (chain?.inFlight) {
        told.push(await store.acknowledge(s.shard, chain.inFlight, new Map(), []));
        last[s.shard] = chain.inFlight;
      }
    } else {
      const shard = shardOf((s.changes[0] as Change).rowKey, SHARDS);
      const changes = s.changes.filter((c: Change) => shardOf(c.rowKey, SHARDS) === shard);
      const rule = { ...RULES, policy: 'p' };
      told.push(
        clean(
          await store.held.hold({
            shard,
            id: `h${n}`,
            transaction: `t${n % 3}`,
            standing: [],
            changes,
            rules: { Product: rule, Price: rule },
          }),
        ),
      );
    }
    told.push(clean(await store.peek(ROWS)), clean(await store.stats()));
  }
  return told;
}

test('groups are judged alike', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const redis = await openRedisStaging({
        redis: sharedRedisUrl(),
        namespace: freshNamespace('agree'),
        shards: SHARDS,
      });
      const memory = memoryStaging({ shards: SHARDS });
      try {
        expect(await run(redis, structuredClone(steps))).toEqual(await run(memory, structuredClone(steps)));
      } finally {
        await Promise.all([redis.close(), memory.close()]);
      }
    }),
    {
      numRuns: Number(process.env['FC_RUNS'] ?? 300),
      ...(process.env['FC_SEED'] && { seed: Number(process.env['FC_SEED']) }),
    },
  );
}, 300_000);
