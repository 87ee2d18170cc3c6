/** Which test files a run takes, as pure decisions. */
import { parts } from './parts.mjs';

/** The value of SPILLWAY_TESTS for `npm test`; the other ones are the numbers of parts. */
const SHORT = 'short';

/**
 * @typedef {object} Selection
 * @property {readonly string[]} include globs
 * @property {readonly string[]} exclude globs
 */

/**
 * The files of one vitest project. A project without any has an empty `include`.
 *
 * @param {import('./projects.mjs').Project} project
 * @param {string | undefined} wanted `short`, the number of a part, or nothing for everything
 * @returns {Selection}
 */
export function filesOf({ name, files, without = [] }, wanted) {
  if (!wanted) return { include: files, exclude: without };
  if (wanted === SHORT) {
    return { include: files, exclude: [...without, ...parts.flatMap(({ only }) => only[name] ?? [])] };
  }
  const part = parts[Number(wanted) - 1];
  if (part === undefined)
    throw new Error(`SPILLWAY_TESTS is ${wanted}: use "${SHORT}" or a part, 1 to ${parts.length}.`);
  return { include: [...(part.only[name] ?? []), ...(part.longer?.[name] ?? [])], exclude: without };
}

/**
 * @typedef {object} TestPlan
 * @property {string} tests for SPILLWAY_TESTS; empty for everything
 * @property {readonly string[]} args for vitest
 */

/**
 * The wish of the command line: `short`, or `long` with or without `--part N`.
 *
 * @param {readonly string[]} args
 * @returns {TestPlan | { message: string }}
 */
export function planTests([gate, ...args]) {
  if (gate === SHORT) return { tests: SHORT, args };
  const at = args.indexOf('--part');
  if (at === -1) return { tests: '', args };
  const number = args[at + 1] ?? '';
  if (!isPart(number))
    return { message: `--part ${number}: the parts are 1 to ${parts.length} (tools/gates/parts.mjs).` };
  return { tests: number, args: args.toSpliced(at, 2) };
}

/**
 * The part that `.ci/run` adds: the one that is named, else one after another with the commits.
 *
 * @param {string | undefined} named
 * @param {number} commit its number
 * @returns {{ part: number, holds: string } | { message: string }}
 */
export function partOfRun(named, commit) {
  const part = named ? Number(named) : (commit % parts.length) + 1;
  const { holds } = parts[part - 1] ?? {};
  if (holds === undefined) return { message: `SPILLWAY_PART is ${named}: use a part, 1 to ${parts.length}.` };
  return { part, holds };
}

/** @param {string} text */
function isPart(text) {
  return /^[1-9]\d*$/.test(text) && Number(text) <= parts.length;
}
