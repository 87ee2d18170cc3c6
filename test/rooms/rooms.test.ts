import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findViolations } from './find-violations.js';
import { findScriptViolations } from './lua-script.js';
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

  test('every Lua script names its keys in its header and uses those', () => {
    const scripts = read('**/*.lua', src);
    expect(scripts.flatMap(({ path, text }) => findScriptViolations(path, text))).toEqual([]);
  });
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
    ['SQL text', 'mikro-orm/ids.ts', 'const sql = `select nextval(${name})`;', /holds SQL/],
    ['a file without a room', 'utils/a.ts', '', /no room/],
    ['a long file', 'change/a.ts', '\n'.repeat(501), /501 lines/],
  ])('%s', (_, path, code, message) => {
    expect(violationsOf({ [path]: code })).toEqual([expect.stringMatching(message)]);
  });

  test('a circle of value imports, and not one of types', () => {
    const circle = (form: string) => ({
      'change/a.ts': `import ${form} { b } from './b.js';`,
      'change/b.ts': `import ${form} { c } from './c.js';`,
      'change/c.ts': `export ${form} { a } from './a.js';`,
    });
    expect(violationsOf(circle(''))).toEqual([expect.stringContaining('change/a.ts -> change/b.ts -> change/c.ts')]);
    expect(violationsOf(circle('type'))).toEqual([]);
  });

  test('words that only look like SQL are none', () => {
    expect(violationsOf({ 'change/a.ts': `export const kinds = ['update', 'delete', 'Select a policy.'];` })).toEqual(
      [],
    );
  });

  test('a Lua key that the header does not name, and one that the code does not', () => {
    const script = [
      '-- KEYS[1] dirty  what waits',
      '-- KEYS[2] due',
      '',
      'local dirty = KEYS[1]',
      'return KEYS[3]',
      '',
    ];
    expect(findScriptViolations('a.lua', script.join('\n'))).toEqual([
      expect.stringContaining('KEYS[2] due'),
      expect.stringContaining('uses KEYS[3]'),
    ]);
  });
});
