import { expect, test } from 'vitest';
import { uncheckedVersions } from '../../../src/mikro-orm/hooks/unchecked-versions.js';

const versioned = { hasVersions: true, batches: true };

test.each(['7.1.9', '7.2.1', '7.2.2', '7.2.4', '7.0.11'])(
  'MikroORM %s: a warning says what happens and what to do',
  (found) => {
    const [warning = ''] = uncheckedVersions(found, versioned);
    expect(warning).toContain(`MikroORM ${found} `);
    expect(warning).toContain('overwritten without an OptimisticLockError');
    expect(warning).toContain('Update the packages of MikroORM to 7.2.5 or newer');
    expect(warning).toContain('useBatchUpdates: false');
  },
);

test.each(['7.2.5', '7.2.6', '7.3.0', '7.10.0', '8.0.0'])('MikroORM %s: no warning', (found) =>
  expect(uncheckedVersions(found, versioned)).toEqual([]),
);

test('an ORM that updates rows one by one, or has no versions, is not warned of', () => {
  expect(uncheckedVersions('7.2.1', { hasVersions: true, batches: false })).toEqual([]);
  expect(uncheckedVersions('7.2.1', { hasVersions: false, batches: true })).toEqual([]);
});
