import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COLUMN_TYPES, columnValue } from '../../packages/core/src/mikro-orm/values/column-value.js';
import { codesIn, document, root, tableBelow } from './markdown.js';
import { layersOfMikroOrm } from '../rooms/rules.js';
import { ELSEWHERE, OPTIONS } from './mikro-orm-options.js';

const source = (path: string): string => readFileSync(`${root}packages/core/src/${path}`, 'utf8');
const firstCodes = (path: string, heading: string): string[] =>
  tableBelow(document(path), heading).flatMap(([cell = '']) => codesIn(cell));
const matches = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = '']) => name)),
];

test('docs/errors.md names every code of SpillwayErrorCode', () => {
  const codes = matches(source('errors.ts'), /\| '([A-Z_]+)'/g);
  expect(codes.length).toBeGreaterThan(10);
  expect(firstCodes('docs/errors.md', 'Errors').toSorted()).toEqual(codes.toSorted());
});

test('every code of SpillwayErrorCode is used somewhere', () => {
  const files = readdirSync(`${root}packages/core/src`, { recursive: true, encoding: 'utf8' });
  const text = files
    .filter((path) => path.endsWith('.ts') && path !== 'errors.ts')
    .map(source)
    .join('\n');
  const unused = firstCodes('docs/errors.md', 'Errors').filter((code) => !text.includes(`'${code}'`));
  expect(unused).toEqual([]);
});

test('docs/operations.md names every event', () => {
  const events = matches(source('events.ts'), /type: '([a-z-]+)'/g);
  expect(events.length).toBeGreaterThan(10);
  expect(firstCodes('docs/operations.md', 'Events').toSorted()).toEqual(events.toSorted());
});

test('docs/operations.md names every state of health()', () => {
  const words = [
    ...matches(source('sink/sink-failure.ts').split('type DatabaseState')[1] ?? '', /\| '([a-z-]+)'/g).map(
      (word) => `database-${word}`,
    ),
    ...matches(source('observability/health.ts').split('type StagingState')[1]?.split(';')[0] ?? '', /'([a-z]+)'/g).map(
      (word) => `staging-${word}`,
    ),
    ...matches(source('observability/health.ts').split('type HealthState')[1]?.split(';')[0] ?? '', /\| '([a-z-]+)'/g),
  ];
  expect(words.length).toBeGreaterThan(10);
  expect(firstCodes('docs/operations.md', 'Health').toSorted()).toEqual(words.toSorted());
});

test('docs/operations.md names every count of status()', () => {
  const counts =
    (source('staging/staging-store.ts').split('interface StagingStats {')[1]?.split('\n}')[0] ?? '') +
    source('observability/status.ts');
  const [, section = ''] = document('docs/operations.md').text.split('## Looking at it');
  const named = codesIn(section.split('\n## ')[0] ?? '').filter((code) => /^\w+$/.test(code));
  expect(named).toEqual(expect.arrayContaining(matches(counts, /readonly (\w+)\??:/g)));
});

test('docs/operations.md names every code of a dead letter', () => {
  const [words = ''] = /SQLSTATE, or a word of ours:[^.]*/.exec(source('change/outcome.ts')) ?? [];
  const named = firstCodes('docs/operations.md', 'Dead letters').filter((code) => !/^\d/.test(code));
  expect(named.toSorted()).toEqual(matches(words, /`([A-Z_]+)`/g).toSorted());
});

test('ARCHITECTURE.md names every room of packages/core/src', () => {
  const entries = readdirSync(`${root}packages/core/src`, { withFileTypes: true });
  const rooms = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  const named = tableBelow(document('ARCHITECTURE.md'), 'Rooms of `packages/core/src`').map(
    ([cell = '']) => codesIn(cell)[0] ?? '',
  );
  expect(named.toSorted()).toEqual(rooms.toSorted());
});

test('ARCHITECTURE.md names the layers of mikro-orm, from the lowest to the highest', () => {
  const named = tableBelow(document('ARCHITECTURE.md'), 'Layers of `mikro-orm/`').map(
    ([cell = '']) => codesIn(cell)[0]?.replace(/\/$|\.ts$/, '') ?? '',
  );
  expect(named).toEqual(layersOfMikroOrm);
});

describe('ARCHITECTURE.md', () => {
  test.each(tableBelow(document('ARCHITECTURE.md'), 'Ports'))(
    'names the methods of %s',
    (cell = '', _, methods = '') => {
      const [, path = ''] = codesIn(cell);
      const port = source(path).split('\n}\n')[0] ?? '';
      expect(codesIn(methods).toSorted()).toEqual(matches(port, /^ {2}(?:readonly )?(\w+)[(:]/gm).toSorted());
    },
  );

  test('names every folder of sink/postgres/', () => {
    const entries = readdirSync(`${root}packages/core/src/sink/postgres`, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `sink/postgres/${name}/`);
    const named = firstCodes('ARCHITECTURE.md', 'In `flush/` and `sink/postgres/`');
    expect(named.filter((name) => name.endsWith('/')).toSorted()).toEqual(folders.toSorted());
    const files = readdirSync(`${root}packages/core/src/flush`);
    expect(named.filter((name) => !name.endsWith('/') && !files.includes(name))).toEqual([]);
  });
});

/** What is said in quotes: the names of tests, and little else. */
const quoted = (text: string): string => matches(text, /((['"`]).*\2)/g).join('\n');

describe.each([
  'Where the counter-examples are tested',
  'Where the rules are tested',
  'Where the holes of reads are tested',
])('ARCHITECTURE.md, "%s"', (heading) => {
  test.each(tableBelow(document('ARCHITECTURE.md'), heading))('%s', (cell = '', _, files = '') => {
    const [name = ''] = cell.split(' (');
    const texts = codesIn(files).map((file) => ({
      file,
      text: quoted(readFileSync(`${root}packages/core/${file}`, 'utf8')),
    }));
    expect(texts).not.toEqual([]);
    for (const { file, text } of texts)
      expect(new RegExp(`\\b${name}\\b`).test(text), `${file} names ${name}`).toBe(true);
    // Each part has a test in one of them.
    for (const part of matches(cell, /(\([a-z]\))/g))
      expect(
        texts.some(({ text }) => text.includes(`${name} ${part}`)),
        `a test names ${name} ${part}`,
      ).toBe(true);
  });
});

describe('docs/limits.md', () => {
  const code = readdirSync(`${root}packages/core/src/mikro-orm`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => source(`mikro-orm/${file}`))
    .join('\n');

  test('names every reason for which an entity is refused', () => {
    const said = tableBelow(document('docs/limits.md'), 'Refused at discovery').map(
      ([cell = '']) => codesIn(cell)[0] ?? '',
    );
    const inCode = (phrase: string) => phrase.split('…').every((part) => code.includes(part.trim()));
    expect(said.filter((phrase) => !inCode(phrase))).toEqual([]);
    expect(said.length).toBe(code.match(/throw unsupported\(/g)?.length);
  });

  test('names every column type', () => {
    const [, line = ''] = /^Column types: ([^.]*)/m.exec(document('docs/limits.md').text) ?? [];
    expect(codesIn(line).toSorted()).toEqual([...COLUMN_TYPES].toSorted());
    expect(codesIn(line).filter((type) => !columnValue(`${type}[]`, 'other', { timestampsInUtc: true }))).toEqual([]);
  });
});

describe('docs/entities.md', () => {
  const rows = document('docs/entities.md')
    .text.split('\n')
    .filter((line) => /^\| (?!feature|---)/.test(line));

  test('names a test for every feature, and the test is there', () => {
    expect(rows.length).toBeGreaterThan(20);
    const lost = rows.filter((row) => {
      const [, path = '', name = ''] = /\]\(\.\.\/([^)]+)\): ([^|]+) \|$/.exec(row) ?? [];
      const file = `${root}${path}`;
      return name.trim() === '' || !existsSync(file) || !readFileSync(file, 'utf8').includes(name.trim());
    });
    expect(lost).toEqual([]);
  });

  test('says of each feature whether it is staged, goes by SQL, or is refused', () => {
    const open = rows.filter((row) => !/staged|SQL|refused|written first|drain/.test(row.split('|')[2] ?? ''));
    expect(open).toEqual([]);
  });

  test.each(Object.entries(OPTIONS))('has a row for everything that MikroORM has of: %s', (heading, options) => {
    const named = tableBelow(document('docs/entities.md'), heading).flatMap(([cell = '']) => codesIn(cell));
    expect(named.toSorted()).toEqual(options.filter((name) => !ELSEWHERE.includes(name)).toSorted());
  });
});
