import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Tests of decorators that need another compiler, and programs that are no tests. */
const LEFT_OUT = /^tests\/(features\/decorators\/es|deno|bench|perf)\//;

/** The test files of a checkout that use PostgreSQL, those with the most tests first. */
export function postgresFiles(root: string): string[] {
  const found = globSync('tests/**/*.test.ts', { cwd: root })
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => !LEFT_OUT.test(file))
    .map((file) => ({ file, source: readFileSync(path.join(root, file), 'utf8') }))
    .filter(({ source }) => /@mikro-orm\/postgresql|initORMPostgreSql/.test(source))
    .map(({ file, source }) => ({ file, tests: source.match(/^\s*(?:test|it)\b/gm)?.length ?? 0 }));
  return found
    .toSorted((one, other) => other.tests - one.tests || (one.file < other.file ? -1 : 1))
    .map(({ file }) => file);
}
