/** How many tests have passed and failed, from vitest's JSON report. */

/** @typedef {{ passed: number, failed: number }} Count */

/**
 * @typedef {object} Report the part of vitest's report that is read
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {readonly { status: string, assertionResults: readonly unknown[] }[]} testResults one for each file
 */

/**
 * A file that could not be loaded has no tests in the report, and counts as one failure. So does a run that failed
 * although every test in its report passed: an unhandled error, or servers that did not start.
 *
 * @param {Report | undefined} report
 * @param {boolean} succeeded what the exit code of the run says
 * @returns {Count}
 */
export function countTests(report, succeeded) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = report.numFailedTests + broken.length;
  return { passed: report.numPassedTests, failed: succeeded ? failed : Math.max(failed, 1) };
}
