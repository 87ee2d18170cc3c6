import { expect, test } from 'vitest';
import { ForcedDrains } from '../../../src/observability/status.js';

test('reads are counted by caller, the most frequent first, and past a bound together', () => {
  const drains = new ForcedDrains();
  drains.count('Product.count');
  drains.count('Product.find');
  drains.count('Product.find');
  expect(Object.entries(drains.byCaller)).toEqual([
    ['Product.find', 2],
    ['Product.count', 1],
  ]);
  for (let number = 0; number < 1_000; number += 1) drains.count(`Entity${number}.find`);
  drains.count('Product.find');
  const counts = drains.byCaller;
  expect(Object.keys(counts)).toHaveLength(501);
  expect(counts).toMatchObject({ 'Product.find': 3, others: 502 });
});
