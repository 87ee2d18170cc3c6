/** What failed, as lines for the end of a long log: a reader of its last page sees which test it was, and why. */

/**
 * @typedef {object} Report the part of vitest's report that is read
 * @property {readonly FileResult[]} testResults
 */

/**
 * @typedef {object} FileResult
 * @property {string} name the file's path
 * @property {string} status
 * @property {string} [message] why the file as a whole failed
 * @property {readonly { status: string, fullName?: string, failureMessages?: readonly string[] }[]} assertionResults
 */

/** Lines of one message that are shown: vitest's difference and the first places of the stack. */
const LINES = 12;

/**
 * @param {Report | undefined} report
 * @returns {string[]} a few lines for each failed test, and for each file that could not be loaded
 */
export function failuresOf(report) {
  return (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((result) => result.status === 'failed');
    if (failed.length > 0) {
      return failed.flatMap(({ fullName, failureMessages = [] }) => [
        `FAILED ${name}: ${fullName ?? ''}`,
        ...failureMessages.flatMap(firstLines),
      ]);
    }
    return status === 'failed' ? [`FAILED ${name}`, ...firstLines(message ?? '')] : [];
  });
}

/** @param {string} text */
function firstLines(text) {
  return text
    .split('\n', LINES)
    .filter((line) => line.trim() !== '')
    .map((line) => `    ${line}`);
}
