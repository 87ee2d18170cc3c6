import { expect, test } from 'vitest';
import { failuresOf } from '../../tools/ci/failures.mjs';

const passed = { status: 'passed', fullName: 'adds', failureMessages: [] };

test('each failed test is named with its file and the first lines of its message', () => {
  const message = `AssertionError: expected 1 to be 2\n\n${'    at somewhere\n'.repeat(50)}`;
  const failed = { status: 'failed', fullName: 'sums > subtracts', failureMessages: [message] };
  const lines = failuresOf({
    testResults: [{ name: 'a.test.ts', status: 'failed', assertionResults: [passed, failed] }],
  });
  expect(lines.slice(0, 2)).toEqual(['FAILED a.test.ts: sums > subtracts', '    AssertionError: expected 1 to be 2']);
  expect(lines.length).toBeLessThan(15);
});

test('a file that could not be loaded is named with its message', () => {
  const broken = { name: 'b.test.ts', status: 'failed', message: 'Cannot find module', assertionResults: [] };
  expect(failuresOf({ testResults: [broken] })).toEqual(['FAILED b.test.ts', '    Cannot find module']);
});

test('nothing is said of what passed, or without a report', () => {
  expect(failuresOf({ testResults: [{ name: 'c.test.ts', status: 'passed', assertionResults: [passed] }] })).toEqual(
    [],
  );
  expect(failuresOf(undefined)).toEqual([]);
});
