import { expect, test } from 'vitest';
import { encodeRecord } from '../../../src/change/record-codec.js';
import { emptyRecord } from '../../../src/change/record.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { GatheredPeeks } from '../../../src/staging/redis/gathered-peeks.js';
import type { ShardScripts } from '../../../src/staging/redis/shard-scripts.js';

const keys = [1, 2, 3].map((id) => rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] }));
const [readable, damaged, absent] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];
const record = { ...emptyRecord(), entity: 'Product', values: { name: '"new"' } };

test('R18: callers of one turn share a call, and a record that cannot be read fails its own caller alone', async () => {
  let calls = 0;
  const scripts = {
    shards: 4,
    runOnGroups: async (_: string, shards: readonly number[], args: readonly (string | number)[]) => {
      calls += 1;
      const reply: unknown[] = ['found'];
      let at = 0;
      for (const _shard of shards) {
        reply.push(null, null);
        const rows = Number(args[at]);
        for (const key of args.slice(at + 1, at + 1 + rows)) {
          const dirty = key === readable ? encodeRecord(record) : key === damaged ? Buffer.from('damaged') : null;
          reply.push(dirty, null, null, null);
        }
        at += 1 + rows;
      }
      return reply;
    },
  };
  const peeks = new GatheredPeeks(scripts as unknown as ShardScripts);
  const answers = await Promise.allSettled([
    peeks.peek([readable, absent]),
    peeks.peek([damaged]),
    peeks.peek([readable]),
  ]);
  expect(calls).toBe(1);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(answers[0]).toMatchObject({ value: new Map([[readable, { dirty: record }]]) });
  expect(answers[1]).toMatchObject({ reason: { code: 'CONFIG_INVALID', message: expect.stringContaining(damaged) } });
});
