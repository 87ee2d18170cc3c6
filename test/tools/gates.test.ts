import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parts } from '../../tools/gates/parts.mjs';
import { projects } from '../../tools/gates/projects.mjs';
import { filesOf, partOfRun, planTests } from '../../tools/gates/select.mjs';
import { codesIn, document, root, tableBelow } from '../docs/markdown.js';

const notOurs = ['**/node_modules/**', '**/dist/**', '**/dist-test/**'];

function filesIn(include: readonly string[], exclude: readonly string[] = []): string[] {
  return globSync([...include], { cwd: root, exclude: [...notOurs, ...exclude] }).toSorted();
}

/** The files that one run takes, as `<project> <file>`. */
function taken(wanted?: string): string[] {
  return projects.flatMap((project) => {
    const { include, exclude } = filesOf(project, wanted);
    return filesIn(include, exclude).map((file) => `${project.name} ${file}`);
  });
}

const numbers = parts.map((_, index) => String(index + 1));
const everything = taken();
const short = taken('short');
const byPart = numbers.map(taken);

/** What of `list` is not in `other`. */
function missing(list: readonly string[], other: readonly string[]): string[] {
  const known = new Set(other);
  return list.filter((entry) => !known.has(entry));
}

describe('the gates', () => {
  test('every test file belongs to a project', () => {
    const files = everything.map((entry) => entry.slice(entry.indexOf(' ') + 1));
    expect(files.length).toBeGreaterThan(0);
    expect(missing(filesIn(['**/*.test.ts']), files)).toEqual([]);
  });

  test('every file of every project is in npm test or in a part, and all parts together are nothing else', () => {
    expect(missing(everything, [...short, ...byPart.flat()])).toEqual([]);
    expect(missing([...short, ...byPart.flat()], everything)).toEqual([]);
  });

  test('no file is in two parts', () => {
    const seen = new Set<string>();
    const twice = byPart.flat().filter((entry) => seen.size === seen.add(entry).size);
    expect(twice).toEqual([]);
  });

  test('every pattern of a part finds files of its project', () => {
    const patterns = parts.flatMap(({ only, longer = {} }) => [...Object.entries(only), ...Object.entries(longer)]);
    const found = patterns.flatMap(([name, globs]) => globs.map((glob) => ({ name, glob, files: filesIn([glob]) })));
    expect(found.filter(({ files }) => files.length === 0)).toEqual([]);
    const strangers = found.flatMap(({ name, files }) => files.map((file) => `${name} ${file}`));
    expect(missing(strangers, everything)).toEqual([]);
  });

  test('npm test and a part share the tests that have two sizes, and no others', () => {
    const shared = byPart.flat().filter((entry) => short.includes(entry));
    const sizes = filesIn(['**/*.test.ts'], ['test/tools/**']).filter((file) =>
      /\b(?:sized|thinned)\(/.test(readFileSync(root + file, 'utf8')),
    );
    const inNpmTest = short.filter((entry) => sizes.some((file) => entry.endsWith(` ${file}`)));
    expect(shared.toSorted()).toEqual(inNpmTest.toSorted());
    expect(sizes.length).toBeGreaterThan(0);
  });

  test('every kind of test is in npm test, but for what installs packages from the registry', () => {
    const kinds = new Set(short.map((entry) => entry.split(' ')[0]));
    expect(projects.map(({ name }) => name).filter((name) => !kinds.has(name))).toEqual(['consumer']);
  });
});

describe('CONTRIBUTING.md', () => {
  const contributing = document('CONTRIBUTING.md');

  test('says of every project which of its files are in npm test, and in which parts', () => {
    const rows = projects.map(({ name }) => {
      const isOf = (entry: string): boolean => entry.startsWith(`${name} `);
      const inShort = short.filter(isOf).length;
      const share = inShort === everything.filter(isOf).length ? 'all' : inShort === 0 ? 'none' : 'some';
      return [name, share, numbers.filter((_, index) => byPart[index]?.some(isOf)).join(', ')];
    });
    const table = tableBelow(contributing, 'Which test runs where');
    expect(table.map(([name = '', , share, inParts]) => [codesIn(name)[0], share, inParts])).toEqual(rows);
  });

  test('says what each part holds', () => {
    const table = tableBelow(contributing, 'The parts of the long tests');
    expect(table).toEqual(parts.map(({ holds }, index) => [numbers[index], holds]));
  });
});

describe('the command line', () => {
  test('npm test is the short tests, and its arguments are for vitest', () => {
    expect(planTests(['short', '--project', 'docs'])).toEqual({ tests: 'short', args: ['--project', 'docs'] });
  });

  test('npm run test:long is everything, or the part that is named', () => {
    expect(planTests(['long', 'sink'])).toEqual({ tests: '', args: ['sink'] });
    expect(planTests(['long', '--reporter=json', '--part', '3', '-t', 'x'])).toEqual({
      tests: '3',
      args: ['--reporter=json', '-t', 'x'],
    });
  });

  test.each(['0', '11', '1.5', 'x', ''])('part "%s" is refused with the parts that exist', (part) => {
    expect(planTests(['long', '--part', part])).toEqual({ message: expect.stringContaining('1 to 10') });
    expect(part === '' || 'message' in partOfRun(part, 1)).toBe(true);
  });

  test('SPILLWAY_TESTS that names no part is an error, not a run of no tests', () => {
    expect(() => projects.map((project) => filesOf(project, '11'))).toThrow('SPILLWAY_TESTS is 11');
  });

  test('ten runs on commits that follow one another take each part once; a part that is named comes first', () => {
    const runs = Array.from({ length: 10 }, (_, index) => partOfRun(undefined, 4711 + index));
    expect(new Set(runs.map((run) => 'part' in run && run.part))).toEqual(new Set(numbers.map(Number)));
    expect(partOfRun('3', 4711)).toEqual({ part: 3, holds: parts[2]?.holds });
  });
});
