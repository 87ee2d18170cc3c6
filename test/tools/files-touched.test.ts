import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** As far as a reader may have to go for the commonest thing that Spillway does. */
const MOST_FILES = 35;

test('a flush of one insert runs through few files', async () => {
  const program = ['--import', './test/fault/programs/on-sources.ts', 'test/files-touched/main.ts'];
  const { stdout } = await promisify(execFile)(process.execPath, program, { cwd: root });
  const [, files] = /^em\.flush\(\) of one insert: (\d+) files$/m.exec(stdout) ?? [];
  expect(Number(files)).toBeGreaterThan(0);
  expect(Number(files), 'see `npm run files-touched -- --list`').toBeLessThanOrEqual(MOST_FILES);
});
