import { expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import type { EntityRules } from '../../../src/staging/entity-rules.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { HoldCall } from '../../../src/staging/stage-side.js';
import { Stager } from '../../../src/staging/stager.js';

const RULES: EntityRules = {
  debounceMs: 0,
  maxDelayMs: 0,
  maxPending: 100,
  maxRecordBytes: 10_000,
  onFull: 'reject',
  blockTimeoutMs: 0,
};
const ROW = rowKeyOf({ schema: '', table: 'product', key: ['1'] });
const change: Change = {
  kind: 'update',
  entity: 'Product',
  rowKey: ROW,
  values: { name: '"x"' },
  deltas: {},
  originals: {},
};
const lost = (): SpillwayError => new SpillwayError('STAGING_TIMEOUT', 'No answer');

test('a hold that is refused as held after a lost request waits on, and is held when the other transaction has ended', async () => {
  const inner = memoryStaging({ shards: 1 });
  await inner.adopt(0, 'T0');
  await inner.held.hold({ shard: 0, id: 'other', transaction: 'other', standing: [], changes: [change], rules: {} });
  let sent = 0;
  const held = {
    hold: async (call: HoldCall) => {
      sent += 1;
      if (sent === 1) throw lost();
      return inner.held.hold(call);
    },
    stage: inner.held.stage.bind(inner.held),
    drop: inner.held.drop.bind(inner.held),
    list: inner.held.list.bind(inner.held),
  };
  const store = new Proxy(inner, {
    get: (target, name) => (name === 'held' ? held : Reflect.get(target, name, target)) as unknown,
  });
  // The other transaction is rolled back.
  const endHolds = async (): Promise<unknown> => inner.held.drop(0, ['other']);
  const stager = new Stager(store, { stageTimeoutMs: 1_000, adopt: async () => undefined, endHolds });
  const result = await stager.holdAll([change], { Product: RULES }, { id: 'mine', transaction: 'mine', standing: [] });
  expect([...result.staged.keys()]).toEqual([ROW]);
});
