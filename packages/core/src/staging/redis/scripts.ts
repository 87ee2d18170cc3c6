import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KeyName } from './keys.js';

/** One Lua file, with its fragments written into it. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
  /** The keys that it declares, in order; a script over several shards declares them once per shard. */
  readonly keys: readonly KeyName[];
}

/** Every script and the keys that it touches. A test compares them with the headings of the files. */
export const SCRIPTS: {
  readonly [
    name in
      | 'adopt'
      | 'convert'
      | 'stage'
      | 'fence'
      | 'peek'
      | 'claim'
      | 'claimed'
      | 'extend'
      | 'acknowledge'
      | 'park'
      | 'empty'
      | 'leave'
      | 'retry'
      | 'trim'
      | 'settled'
      | 'dueNext'
      | 'dueHolding'
      | 'dueMake'
      | 'duePending'
      | 'dueRows'
      | 'stats'
      | 'depth'
      | 'hold'
      | 'endHolds'
      | 'holds'
      | 'cacheLook'
      | 'cacheFill'
      | 'cacheBlock'
      | 'cacheUnblock'
      | 'takeLetters'
      | 'leavePlace'
      | 'rights'
  ]: Script;
} = {
  adopt: load('adopt', ['chain', 'cache', 'cache:old']),
  convert: load('convert', ['chain', 'cache', 'cache:old']),
  stage: load('stage', [
    'chain',
    'dirty',
    'due',
    'flight',
    'seen',
    'seen:old',
    'recent',
    'recent:old',
    'stats',
    'held',
  ]),
  fence: load('fence', ['chain', 'seen', 'seen:old']),
  peek: load('peek', ['chain', 'dirty', 'flight', 'recent', 'recent:old', 'held']),
  claim: load('claim', ['chain', 'dirty', 'due', 'flight']),
  claimed: load('claimed', ['chain', 'flight']),
  extend: load('extend', ['chain', 'dirty', 'due', 'flight', 'dead', 'stats', 'recent', 'recent:old']),
  acknowledge: load('acknowledge', [
    'chain',
    'dirty',
    'due',
    'flight',
    'recent',
    'recent:old',
    'dead',
    'stats',
    'held',
    'cache',
    'cache:old',
    'cache:blocks',
  ]),
  park: load('park', [
    'chain',
    'dirty',
    'due',
    'flight',
    'recent',
    'recent:old',
    'dead',
    'stats',
    'held',
    'cache',
    'cache:old',
  ]),
  empty: load('empty', [
    'chain',
    'dirty',
    'due',
    'flight',
    'recent',
    'recent:old',
    'dead',
    'stats',
    'held',
    'holds',
    'cache',
    'cache:old',
  ]),
  retry: load('retry', ['chain', 'dirty', 'due', 'flight', 'recent', 'recent:old', 'dead', 'stats']),
  trim: load('trim', ['chain', 'due', 'dead']),
  leave: load('leave', ['chain', 'stats']),
  settled: load('settled', ['chain', 'dirty', 'flight', 'recent', 'recent:old']),
  dueNext: load('due-next', ['chain', 'due', 'dirty']),
  dueHolding: load('due-holding', ['chain', 'stats']),
  dueMake: load('due-make', ['chain', 'due', 'flight', 'dirty', 'stats']),
  duePending: load('due-pending', ['chain', 'due']),
  dueRows: load('due-rows', ['chain', 'due', 'flight']),
  stats: load('stats', ['chain', 'flight', 'dead', 'stats', 'dirty', 'due']),
  depth: load('depth', ['chain', 'dirty', 'due', 'flight', 'dead']),
  hold: load('hold', [
    'chain',
    'dirty',
    'flight',
    'seen',
    'seen:old',
    'recent',
    'recent:old',
    'stats',
    'held',
    'holds',
  ]),
  endHolds: load('end-holds', [
    'chain',
    'dirty',
    'due',
    'flight',
    'dead',
    'stats',
    'held',
    'holds',
    'recent',
    'recent:old',
    'cache',
    'cache:old',
  ]),
  holds: load('holds', ['chain', 'holds', 'held']),
  cacheLook: load('cache-look', [
    'chain',
    'dirty',
    'flight',
    'recent',
    'recent:old',
    'held',
    'cache',
    'cache:old',
    'cache:blocks',
  ]),
  cacheFill: load('cache-fill', ['chain', 'flight', 'held', 'cache', 'cache:old', 'cache:blocks']),
  cacheBlock: load('cache-block', ['chain', 'cache', 'cache:old', 'cache:blocks']),
  cacheUnblock: load('cache-unblock', ['chain', 'cache', 'cache:old', 'cache:blocks']),
  takeLetters: load('take-letters', ['chain', 'dead']),
  leavePlace: load('leave-place', [
    'chain',
    'dirty',
    'flight',
    'held',
    'dead',
    'due',
    'seen',
    'seen:old',
    'recent',
    'recent:old',
    'stats',
    'holds',
    'cache',
    'cache:old',
    'cache:blocks',
  ]),
  rights: load('rights', ['tried']),
};

/** The commands that the source of a script names, in small letters. */
export function commandsOf(source: string): ReadonlySet<string> {
  const code = source.replaceAll(/--.*$/gmu, '');
  const named = [...code.matchAll(/\b(?:redis\.p?call|send)\('(\w+)'/gu)];
  return new Set(named.map(([, command = '']) => command.toLowerCase()));
}

/** A fragment, with the fragments that it includes, as a part of a script. */
export function luaFragment(name: string): string {
  return withConstants(withIncludes(read(`include/${name}`), new Set()));
}

function load(name: string, keys: readonly KeyName[]): Script {
  const source = withConstants(withIncludes(read(name), new Set()));
  return { name, source, sha: createHash('sha1').update(source).digest('hex'), keys };
}

/** Puts a fragment in the place of its first `-- include:` line. Drops further lines: its names are there already. */
function withIncludes(source: string, included: Set<string>): string {
  return source.replaceAll(/^-- include: ([a-z-]+)$/gmu, (_, fragment: string) => {
    if (included.has(fragment)) return '';
    included.add(fragment);
    return withIncludes(read(`include/${fragment}`), included);
  });
}

/**
 * Writes numbers in the place of their names (`local KIND, ENTITY = 2, 3`, in capitals). In Lua 5.1 a named constant is
 * a variable, and would cost time in every function that uses it, at every call of the script.
 */
function withConstants(source: string): string {
  const constants = new Map<string, string>();
  const code = source.replaceAll(
    /^local ([A-Z_]+(?:, [A-Z_]+)*) = (\d+(?:, \d+)*)\n/gmu,
    (_, names: string, numbers: string) => {
      const values = numbers.split(', ');
      names.split(', ').forEach((name, index) => constants.set(name, values[index] ?? ''));
      return '';
    },
  );
  return code.replaceAll(/\b[A-Z][A-Z_]+\b/gu, (word) => constants.get(word) ?? word);
}

function read(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}
