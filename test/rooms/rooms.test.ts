import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findViolations, spreadViolations } from './find-violations.js';
import { findScriptViolations, parseCallers } from './lua-script.js';
import { layersOfMikroOrm } from './rules.js';
import { parseSourceFile } from './source-file.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const src = `${root}packages/core/src/`;
const read = (pattern: string, cwd: string) =>
  globSync(pattern, { cwd, exclude: ['**/node_modules/**', '**/dist/**', '**/dist-test/**'] }).map((path) => ({
    path,
    text: readFileSync(`${cwd}/${path}`, 'utf8'),
  }));

describe('packages/core/src', () => {
  test('every file keeps the rules of its room', () => {
    const files = read('**/*.ts', src).map(({ path, text }) => parseSourceFile(path, text));
    expect(files.length).toBeGreaterThan(0);
    expect(findViolations(files)).toEqual([]);
  });

  test('every layer of mikro-orm is there, so that the list of layers holds no name of nothing', () => {
    const layers = new Set(read('mikro-orm/**/*.ts', src).map(({ path }) => path.split('/')[1]?.replace(/\.ts$/, '')));
    expect(layers).toEqual(new Set(layersOfMikroOrm));
  });

  test('every Lua script names its keys in its header, uses those, and is passed those', () => {
    const scripts = read('**/*.lua', src);
    const callers = parseCallers(
      read('staging/redis/*.ts', src)
        .map(({ text }) => text)
        .join('\n'),
    );
    const violations = scripts.flatMap(({ path, text }) =>
      findScriptViolations(path, text, callers.get(posix.basename(path, '.lua'))),
    );
    expect(violations).toEqual([]);
  });
});

test('no array is spread into a call in the other packages and the examples either', () => {
  const files = read('{packages/{cli,nestjs,telemetry,dashboard},examples/*}/src/**/*.ts', root);
  expect(files.length).toBeGreaterThan(0);
  expect(files.flatMap(({ path, text }) => spreadViolations(parseSourceFile(path, text)))).toEqual([]);
});

test('a rule of the linter is only switched off with a reason', () => {
  const files = read('{packages,test,tools,examples}/**/*.{ts,mjs}', root);
  const without = files.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:ox|es)lint-disable(?!.* -- \S).*/g)].map(([line]) => `${path}: ${line}`),
  );
  expect(without.filter((line) => !line.startsWith('test/rooms/'))).toEqual([]);
});

describe('a broken rule is found:', () => {
  const violationsOf = (files: Record<string, string>) =>
    findViolations(Object.entries(files).map(([path, code]) => parseSourceFile(path, code)));

  test.each<[string, string, string, RegExp]>([
    ['ioredis outside staging/redis', 'staging/memory/store.ts', `import { Redis } from 'ioredis';`, /ioredis/],
    ['a type of ioredis in the port', 'staging/staging-store.ts', `import type { Redis } from 'ioredis';`, /ioredis/],
    ['rxjs outside flush', 'sink/postgres/bulk.ts', `export * from 'rxjs/operators';`, /rxjs/],
    ['MikroORM in a pure room', 'policy/behind.ts', `import type { EntityName } from '@mikro-orm/core';`, /mikro-orm/],
    ['pg outside sink/postgres', 'flush/worker.ts', `const pg = await import('pg');`, /package pg/],
    [
      'input and output in a pure room',
      'change/codec.ts',
      `import { readFileSync } from 'node:fs';`,
      /no side effects/,
    ],
    ['a pure room that knows an acting one', 'change/a.ts', `import { x } from '../flush/x.js';`, /must not know/],
    ['flush and an adapter', 'flush/a.ts', `import type { X } from '../staging/redis/x.js';`, /must not know/],
    ['one adapter and another', 'staging/memory/a.ts', `import { x } from '../redis/x.js';`, /must not know/],
    [
      'a value where types are allowed',
      'sink/a.ts',
      `import { x } from '../staging/staging-store.js';`,
      /Only its types/,
    ],
    ['a type written in line', 'conflict/a.ts', `export type X = import('../sink/a.js').A;`, /must not know/],
    ['SQL text', 'mikro-orm/write/ids.ts', 'const sql = `select nextval(${name})`;', /holds SQL/],
    [
      'a file behind the door of a room',
      'runtime/a.ts',
      `import { x } from '../cache/trust.js';`,
      /the door of cache is/,
    ],
    [
      'the cache where MikroORM is hooked',
      'mikro-orm/read/a.ts',
      `import type { C } from '../../cache/cache.js';`,
      /must not know/,
    ],
    ['a file without a room', 'utils/a.ts', '', /no room/],
    [
      'an import up the layers of mikro-orm',
      'mikro-orm/read/a.ts',
      `import { x } from '../write/x.js';`,
      /mikro-orm\/read lies below mikro-orm\/write/,
    ],
    [
      'a type from a higher layer of mikro-orm',
      'mikro-orm/values/a.ts',
      `import type { X } from '../describe/x.js';`,
      /values lies below mikro-orm\/describe/,
    ],
    ['a file without a layer of mikro-orm', 'mikro-orm/utils/a.ts', '', /no layer/],
    ['a long file', 'change/a.ts', '\n'.repeat(501), /501 lines/],
    ['an array that is spread into a call', 'change/a.ts', 'list.push(...rowsOf(table));', /spreads rowsOf\(table\)/],
    ['an array that is spread into a constructor', 'change/a.ts', 'new Rows(1, ...rows);', /spreads rows into/],
  ])('%s', (_, path, code, message) => {
    expect(violationsOf({ [path]: code })).toEqual([expect.stringMatching(message)]);
  });

  test('a circle of imports, of values or of types', () => {
    const circle = (form: string, room = 'change') => ({
      [`${room}/a.ts`]: `import ${form} { b } from './b.js';`,
      [`${room}/b.ts`]: `import ${form} { c } from './c.js';`,
      [`${room}/c.ts`]: `export ${form} { a } from './a.js';`,
    });
    expect(violationsOf(circle(''))).toEqual([expect.stringContaining('change/a.ts -> change/b.ts -> change/c.ts')]);
    expect(violationsOf(circle('', 'staging'))).toEqual([expect.stringContaining('import each other in a circle')]);
    expect(violationsOf(circle('type'))).toEqual([expect.stringContaining('import types of each other in a circle')]);
    expect(violationsOf(circle('type', 'sink/postgres'))).toEqual([]);
  });

  test('the arguments of a call are handed on to another one, and arrays are spread into arrays', () => {
    const code =
      'export const f = (...rest: string[]) => g(...rest, [...all]); function g(a: string, ...b: unknown[]) { h(...(b as never[]), ...[1, 2]); }';
    expect(violationsOf({ 'change/a.ts': code })).toEqual([]);
  });

  test('words that only look like SQL are none', () => {
    expect(violationsOf({ 'change/a.ts': `export const kinds = ['update', 'delete', 'Select a policy.'];` })).toEqual(
      [],
    );
  });

  const scriptViolations = (lines: readonly string[], passed = ['chain', 'seen:old'], path = 'lua/a.lua') =>
    findScriptViolations(path, `${lines.join('\n')}\n`, passed);

  const header = '-- KEYS[1] chain  KEYS[2] seen_old';

  test('a Lua script that keeps its form is none', () => {
    expect(scriptViolations([header, 'local chain, seen_old = KEYS[1], KEYS[2]'])).toEqual([]);
    expect(scriptViolations([header, 'local chain = KEYS[1]', 'local seen_old = KEYS[2]'])).toEqual([]);
    const perShard = ['-- KEYS  chain, due, of one shard after the other', 'for index = 1, #KEYS, 2 do'];
    expect(scriptViolations(perShard, ['chain', 'due'])).toEqual([]);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['a Lua script without a header', ['return KEYS[1]'], /has no line/],
    ['a key without its local', [header, 'local chain, other = KEYS[1], KEYS[2]'], /no local seen_old/],
    [
      'a key that the header does not name',
      [header, 'local chain, seen_old = KEYS[1], KEYS[2]', 'return KEYS[3]'],
      /uses KEYS\[3\]/,
    ],
    ['a key that the caller does not pass', ['-- KEYS[1] chain', 'local chain = KEYS[1]'], /is passed the keys/],
    [
      'a wrong step from shard to shard',
      ['-- KEYS  chain, seen_old, of one shard after the other', 'return #KEYS'],
      /no loop/,
    ],
  ])('%s', (_, lines, message) => {
    expect(scriptViolations(lines)).toEqual([expect.stringMatching(message)]);
  });

  test('a Lua fragment that reaches for keys by itself', () => {
    const violations = scriptViolations(['local chain = KEYS[1]'], [], 'lua/include/a.lua');
    expect(violations).toEqual([expect.stringContaining('must leave KEYS to them')]);
  });

  test('a Lua script that nobody calls, for its keys are not declared', () => {
    const callers = parseCallers(`claim: load('claim', ['chain', 'recent:old']),`);
    expect(callers.get('claim')).toEqual(['chain', 'recent:old']);
    expect(callers.get('adopt')).toBeUndefined();
    expect(findScriptViolations('lua/adopt.lua', '-- KEYS[1] chain\nlocal chain = KEYS[1]\n', undefined)).toEqual([
      'lua/adopt.lua is called by nobody.',
    ]);
  });
});
