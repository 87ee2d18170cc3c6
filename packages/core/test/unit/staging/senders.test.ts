import { expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import { CallSender } from '../../../src/staging/senders.js';
import type { GroupAnswer, StageGroup } from '../../../src/staging/stage-side.js';

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

test('a group is not sent again once the store may have forgotten it', async () => {
  const group: StageGroup = { id: 'g', units: [{ changes: [change] }], rules: {} };
  let runs = 0;
  const store = {
    remembersCallsMs: 60,
    // It has forgotten the group by now.
    fence: async (): Promise<GroupAnswer> => ({ status: 'voided' }),
  };
  const sender = new CallSender(store, 30);
  const run = async (): Promise<GroupAnswer> => {
    runs += 1;
    if (runs > 1) return { status: 'judged', units: [] };
    // The process stands still while it waits to send again.
    setTimeout(() => {
      const endMs = performance.now() + 100;
      while (performance.now() < endMs);
    }, 1);
    throw lost();
  };
  expect(await sender.send(group, run, performance.now() + 30)).toEqual({ status: 'unknown' });
  expect(runs).toBe(1);
});
