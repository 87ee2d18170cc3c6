/** The plan of `npm run matrix`, as a pure decision over its arguments. */
import { releases } from './releases.mjs';

/** The server of this machine. */
const OWN = 'own';

/**
 * @typedef {{ versions: readonly string[], args: readonly string[] }} MatrixPlan
 * `versions`: of PostgreSQL, one run each; `args`: for vitest
 */

/**
 * @param {readonly string[]} args
 * @returns {MatrixPlan | { message: string }}
 */
export function planMatrix(args) {
  const known = [OWN, ...Object.keys(releases)];
  const at = args.indexOf('--postgres');
  const wanted = at === -1 ? 'all' : (args[at + 1] ?? '');
  const versions = wanted === 'all' ? known : wanted.split(',');
  const unknown = versions.filter((version) => !known.includes(version));
  if (unknown.length > 0) return { message: explain(unknown, known) };
  return { versions, args: at === -1 ? args : args.toSpliced(at, 2) };
}

/**
 * @param {readonly string[]} unknown
 * @param {readonly string[]} known
 */
function explain(unknown, known) {
  const names = unknown.map((version) => `"${version}"`).join(', ');
  return (
    `--postgres ${names}: this matrix has ${known.join(', ')} ("own" is the server of this machine), ` +
    'several with commas between them, or "all". For any other one, set SPILLWAY_POSTGRES_BIN to the folder of its ' +
    '"initdb" and "postgres", and run npm test.'
  );
}
