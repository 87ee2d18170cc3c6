/**
 * `npm run matrix -- --postgres 16,17,18 --project integration FILE...`: tests on other versions of PostgreSQL, one
 * after another, and the whole integration suite on the newest MikroORM. Everything but `--postgres` is for vitest.
 */
import { planMatrix } from './matrix/plan.mjs';
import { runCommand } from './run-command.mjs';
import { embeddedPostgres } from './servers/embedded-postgres.mjs';

const plan = planMatrix(process.argv.slice(2));
if ('message' in plan) {
  console.error(plan.message);
  process.exit(2);
}

/** @type {string[]} */
const failed = [];
for (const version of plan.versions) {
  console.error(`\nPostgreSQL: ${version}`);
  const status = await runOn(version, plan.args);
  if (status !== 0) failed.push(version);
  if (status > 128) break; // Ended by a signal.
}
console.error(`\nFailed on PostgreSQL: ${failed.length === 0 ? 'none' : failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/**
 * @param {string} version
 * @param {readonly string[]} args
 */
async function runOn(version, args) {
  const bin = version === 'own' ? {} : { SPILLWAY_POSTGRES_BIN: await embeddedPostgres(version) };
  return runCommand(['vitest', 'run', ...args], { env: { ...process.env, ...bin, SPILLWAY_MATRIX: 'all' } });
}
