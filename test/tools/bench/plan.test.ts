import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { planOf } from '../../bench/plan/arguments.js';
import { catalogue } from '../../bench/plan/catalogue.js';
import { packageFolderIn } from '../../bench/plan/package-folder.js';

test('without arguments everything is measured, in five rounds', () => {
  const plan = {
    measurements: catalogue,
    rounds: 5,
    scale: 1,
    seed: 1,
    isFull: false,
    isList: false,
    command: 'npm run bench',
  };
  expect(planOf([])).toEqual(plan);
});

test('measurements are named by their ids, and run in the order of the catalogue', () => {
  const { measurements } = planOf(['--only', 'p3, P1']);
  expect(measurements.map(({ id }) => id)).toEqual(['P1', 'P3']);
  expect(planOf(['--topology']).measurements.map(({ id }) => id)).toEqual(['topology']);
  expect(planOf(['--topology', '--only', 'P1']).measurements.map(({ id }) => id)).toEqual(['P1', 'topology']);
});

test('files, folders and sizes are passed on', () => {
  const args = [
    '--json',
    'a.json',
    '--charts',
    'charts',
    '--against',
    'old',
    '--data',
    'data',
    '--full',
    '--scale',
    '0.1',
  ];
  expect(planOf(args)).toMatchObject({
    jsonFile: 'a.json',
    chartsFolder: 'charts',
    againstFolder: 'old',
    dataFolder: 'data',
    isFull: true,
    scale: 0.1,
    command: `npm run bench -- ${args.join(' ')}`,
  });
});

test.each([
  [['--only', 'P1,P77'], 'There is no measurement p77'],
  [['--rounds', '0'], '--rounds is "0"'],
  [['--rounds', '1.5'], '--rounds is "1.5"'],
  [['--scale', 'x'], '--scale is "x"'],
  [['--fast'], "Unknown option '--fast'"],
])('%j is refused', (args, message) => {
  expect(() => planOf(args)).toThrow(message);
});

test('every measurement has an id of its own', () => {
  expect(new Set(catalogue.map(({ id }) => id.toLowerCase())).size).toBe(catalogue.length);
});

test.each(catalogue)(
  '$id has a file, and compares sides and readings that it has',
  ({ file, sides, readings, ratios, limits = [] }) => {
    expect(existsSync(fileURLToPath(new URL(`../../bench/measurements/${file}.ts`, import.meta.url)))).toBe(true);
    expect(Object.values(sides)).toContain('ours');
    for (const { of, to, reading } of ratios) {
      expect([...Object.keys(sides), 'older']).toEqual(expect.arrayContaining([of, to]));
      expect(Object.keys(readings)).toContain(reading);
    }
    for (const { of, reading } of limits) {
      expect(Object.keys(sides)).toContain(of);
      expect(Object.keys(readings)).toContain(reading);
    }
  },
);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder with a package in a place of it. */
function folderWith(place: string, { isBuilt = true, name = '@spillway/core' } = {}): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-bench-'));
  folders.push(folder);
  mkdirSync(path.join(folder, place, 'dist'), { recursive: true });
  writeFileSync(path.join(folder, place, 'package.json'), JSON.stringify({ name }));
  if (isBuilt) writeFileSync(path.join(folder, place, 'dist/index.js'), '');
  return folder;
}

test.each(['packages/core', '.', 'node_modules/@spillway/core'])('an older build is found in %s', (place) => {
  const folder = folderWith(place);
  expect(packageFolderIn(folder)).toBe(path.resolve(folder, place));
});

test('a folder without the package, or with one that is not built, is refused', () => {
  expect(() => packageFolderIn(folderWith('.', { name: 'other' }))).toThrow('holds no @spillway/core');
  expect(() => packageFolderIn(folderWith('packages/core', { isBuilt: false }))).toThrow('is not built');
});
