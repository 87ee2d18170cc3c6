import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COALESCE } from '../../../src/change/coalesce-change.js';
import { MERGE } from '../../../src/change/merge-records.js';
import { SCRIPTS } from '../../../src/staging/redis/scripts.js';

/** The cells of a table that is written in Lua as a text: `older>newer:words`. */
function luaCells(file: string, name: string): ReadonlyMap<string, string> {
  const source = readFileSync(new URL(`../../../src/staging/redis/lua/include/${file}.lua`, import.meta.url), 'utf8');
  const [, text = ''] = new RegExp(String.raw`local ${name} = \[\[\n([^\]]*)\]\]`, 'u').exec(source) ?? [];
  return new Map(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(':') as [string, string]),
  );
}

test('the system merges in Lua as in TypeScript, in every cell', () => {
  const cells = Object.entries(MERGE).flatMap(([older, row]) =>
    Object.entries(row).map(([newer, cell]) => [`${older}>${newer}`, `${cell.kind},${cell.row},${cell.base}`] as const),
  );
  expect(luaCells('merge', 'MERGE')).toEqual(new Map(cells));
});

test("a user's change is judged in Lua as in TypeScript, in every cell", () => {
  const cells = Object.entries(COALESCE).flatMap(([have, row]) =>
    Object.entries(row).map(([kind, verdict]) => [`${have}>${kind}`, verdict] as const),
  );
  expect(luaCells('coalesce', 'COALESCE')).toEqual(new Map(cells));
});

test.each([
  ['update', 'kept'],
  ['increment', 'none'],
] as const)('the short way of %s on %s is what the tables say', (kind, base) => {
  expect(MERGE[kind][kind]).toEqual({ kind, row: 'assign', base });
  expect(COALESCE[kind][kind]).toBe('merge');
});

/** Those over several shards walk through their keys; test/rooms looks at the step. */
const OF_ONE_SHARD = Object.values(SCRIPTS).filter(({ source }) => !source.includes('#KEYS'));

test.each(OF_ONE_SHARD)('$name declares the keys that its caller gives it', ({ source, keys }) => {
  const named = [...source.matchAll(/^local (\w+) = KEYS\[(\d+)\]$/gmu)].map(([, name]) => name);
  expect(named).toEqual(keys.map((key) => key.replace(':', '_')));
});

test.each(Object.values(SCRIPTS))('$name has everything included, once, and formats no number', ({ source }) => {
  expect(source).not.toMatch(/^-- include:/mu);
  const functions = [...source.matchAll(/^local function (\w+)/gmu)].map(([, name]) => name);
  expect(new Set(functions).size).toBe(functions.length);
  // R19: but for the sum of two small ones, which is exact.
  const others = source.replace("string.format('%d', left + right)", '').replace("'^%-?%d+ %-?%d+$'", '');
  expect(others).not.toMatch(/tostring|string\.format|%\s*d/u);
});

/** What a script over several shards never changes. */
const FIXED = ['KINDS', 'NO_ROWS', 'no_layers', 'nothing'];
/** Known names, room to work in, what the call wants and how much it has done, its answer. */
const OF_ALL_SHARDS = ['entity_names', 'all', 'wanted', 'now', 'visited', 'handed_out', 'answers', 'from'];
const KEPT = new Set([...FIXED, ...OF_ALL_SHARDS]);

test.each(Object.values(SCRIPTS).filter(({ source }) => source.includes('from = answer_of(')))(
  '$name begins each shard with variables of its own',
  ({ source }) => {
    const [, begin = ''] = /^local function begin_shard\(\)\n([\s\S]*?)^end$/mu.exec(source) ?? [];
    const reset = new Set([...begin.matchAll(/^ +([\w, ]+) =/gmu)].flatMap(([, names = '']) => names.split(', ')));
    // A variable that begins as nothing, or as a table, a truth or a number, is one that changes.
    const changing = [...source.matchAll(/^local (?!function)([\w, ]+?)(?: = (.*))?$/gmu)].flatMap(
      ([, names = '', value = 'nil']) =>
        /\{|\bnil\b|\btrue\b|\bfalse\b|(?:^|, )\d|now_ms/u.test(value) ? names.split(', ') : [],
    );
    // Keys, and the token, are those of the shard that is at work.
    const ofShard = new Set([...keysOf(source), 'token']);
    expect(changing.filter((name) => !KEPT.has(name) && !reset.has(name) && !ofShard.has(name))).toEqual([]);
  },
);

/** The variables that the loop over the shards sets. */
function keysOf(source: string): readonly string[] {
  const loop = source.slice(source.lastIndexOf('#KEYS'));
  return [...loop.matchAll(/^ {2}([\w, ]+) = (?:KEYS|unpack)/gmu)].flatMap(([, names = '']) => names.split(', '));
}
