/**
 * `npm test` and `npm run test:long -- [--part N]`: the tests of one gate. Other arguments are for vitest.
 * CONTRIBUTING.md says which test runs where.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { planTests } from './gates/select.mjs';
import { runCommand } from './run-command.mjs';

const plan = planTests(process.argv.slice(2));
if ('message' in plan) {
  console.error(plan.message);
  process.exit(2);
}

const root = fileURLToPath(new URL('..', import.meta.url));
process.exitCode = await runCommand(['vitest', 'run', ...plan.args], {
  env: {
    ...process.env,
    SPILLWAY_TESTS: plan.tests,
    // Each test file has a process of its own, and each process reads the same packages.
    NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'spillway-tests'),
  },
});
