import { expect, test } from 'vitest';
import { countTests } from '../../tools/ci/count-tests.mjs';

const report = { numPassedTests: 5, numFailedTests: 0, testResults: [{ status: 'passed', assertionResults: [{}] }] };

test('tests are counted as the report says', () => {
  expect(countTests(report, true)).toEqual({ passed: 5, failed: 0 });
  expect(countTests({ ...report, numFailedTests: 2 }, false)).toEqual({ passed: 5, failed: 2 });
});

test('a file that could not be loaded is a failure', () => {
  const broken = { status: 'failed', assertionResults: [] };
  expect(countTests({ ...report, testResults: [broken, broken] }, false)).toEqual({ passed: 5, failed: 2 });
});

test('a run that failed without a failed test, or left no report, is a failure', () => {
  expect(countTests(report, false)).toEqual({ passed: 5, failed: 1 });
  expect(countTests(undefined, true)).toEqual({ passed: 0, failed: 1 });
});
