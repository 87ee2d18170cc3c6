/**
 * `npm run check`: every rule of the repository that can be checked without a server, one line each. `--without-tests`
 * is for who runs the tests as well.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

/** @type {readonly { name: string, command: string, args: readonly string[] }[]} */
const steps = [
  { name: 'format', command: 'oxfmt', args: ['--check', '.'] },
  { name: 'types', command: 'npm', args: ['run', '--silent', 'build'] },
  { name: 'lint', command: 'oxlint', args: ['--report-unused-disable-directives'] },
  { name: 'unused code', command: 'knip', args: ['--no-progress'] },
  ...globSync('packages/*/').map((folder) => ({
    name: `package shape of ${folder}`,
    command: 'publint',
    args: ['--strict', folder],
  })),
  { name: 'packages can be published together', command: 'node', args: ['tools/check-packages.mjs'] },
  // Packages are modules of ECMAScript only, as MikroORM's are.
  ...globSync('packages/*/').map((folder) => ({
    name: `types of ${folder} as published`,
    command: 'attw',
    args: ['--pack', folder, '--profile', 'esm-only', '--no-emoji', '--no-color'],
  })),
  // Every name that a public name mentions is public, and the links of comments lead somewhere.
  { name: 'API reference', command: 'npm', args: ['run', '--silent', 'reference:here', '--', '--emit', 'none'] },
  // The documentation site builds, and no link or anchor of it leads nowhere.
  { name: 'documentation site', command: 'npm', args: ['run', '--silent', 'site:here', '--', '--without-reference'] },
  ...(process.argv.includes('--without-tests')
    ? []
    : [
        {
          name: 'room rules and unit tests',
          command: 'vitest',
          args: ['run', '--project', 'rooms', '--project', 'unit'],
        },
      ]),
];

let failed = 0;
for (const { name, command, args } of steps) {
  const begin = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)`);
  if (status === 0) continue;
  failed += 1;
  console.log(error === undefined ? `${stdout}${stderr}` : error.message);
}
console.log(failed === 0 ? `All ${steps.length} checks hold.` : `${failed} of ${steps.length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
