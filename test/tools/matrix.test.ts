import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { planMatrix } from '../../tools/matrix/plan.mjs';
import { findPrograms } from '../../tools/servers/find.mjs';

test('each version of PostgreSQL that is asked for has a run, and the rest is for vitest', () => {
  expect(planMatrix(['--postgres', '17', '--project', 'integration', 'sink'])).toEqual({
    versions: ['17'],
    args: ['--project', 'integration', 'sink'],
  });
  expect(planMatrix(['sink', '--postgres', 'own,18'])).toEqual({ versions: ['own', '18'], args: ['sink'] });
});

test('all versions are run on when none is named', () => {
  const versions = ['own', '16', '17', '18'].toSorted();
  for (const args of [[], ['--postgres', 'all']]) {
    const plan = planMatrix(args);
    expect('versions' in plan && plan.versions.toSorted()).toEqual(versions);
  }
});

test('a version that the matrix does not have is refused with those that it has, and the way to run on any other', () => {
  const plan = planMatrix(['--postgres', '17,9']);
  expect(plan).toEqual({ message: expect.stringMatching(/^--postgres "9": .* 16, 17, 18.*SPILLWAY_POSTGRES_BIN/u) });
  expect(planMatrix(['--postgres'])).toHaveProperty('message');
});

test('SPILLWAY_POSTGRES_BIN goes before what the machine has, and is refused where no PostgreSQL is', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-bin-'));
  try {
    const env = { ...process.env, SPILLWAY_POSTGRES_BIN: folder };
    expect(() => findPrograms(env)).toThrow(`SPILLWAY_POSTGRES_BIN is ${folder}, which has no "initdb" and "postgres"`);
    for (const name of ['initdb', 'postgres']) {
      writeFileSync(path.join(folder, name), '');
      chmodSync(path.join(folder, name), 0o755);
    }
    expect(findPrograms(env).postgres).toBe(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
