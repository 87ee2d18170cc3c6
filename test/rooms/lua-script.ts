import { maxLinesOfScript } from './rules.js';

/**
 * What a Lua script breaks of its form.
 *
 * The header names every key of the script, in order: `-- KEYS[1] chain  KEYS[2] seen_old`. The code gives each of them
 * a local of that name (`local chain = KEYS[1]`), and the caller passes just those. A script over many shards says
 * `-- KEYS  chain, due, of one shard after the other`, and walks through its keys in such steps. What is only included
 * by other scripts touches keys by the locals of those.
 *
 * @param passed the keys that the caller passes to it; `undefined` where nobody does
 */
export function findScriptViolations(path: string, script: string, passed: readonly string[] | undefined): string[] {
  const lines = script.split('\n').length - 1;
  const tooLong =
    lines > maxLinesOfScript ? [`${path} has ${lines} lines; a script has at most ${maxLinesOfScript}.`] : [];
  const code = script.replaceAll(/--.*$/gm, '');
  if (path.includes('/include/')) {
    return /\bKEYS\b/.test(code)
      ? [...tooLong, `${path} is included by scripts, and must leave KEYS to them.`]
      : tooLong;
  }
  const heading = parseHeading(script);
  if (heading === undefined) return [...tooLong, `${path} has no line "-- KEYS[1] …" in its header.`];
  const { names, isPerShard } = heading;
  return [
    ...tooLong,
    ...(isPerShard ? stepViolations(path, code, names) : localViolations(path, code, names)),
    ...callerViolations(path, names, passed),
  ];
}

interface Heading {
  readonly names: readonly string[];
  readonly isPerShard: boolean;
}

function parseHeading(script: string): Heading | undefined {
  const perShard = /^-- KEYS +((?:.*\n-- +)?.*), of one shard after the other$/m.exec(script)?.[1];
  if (perShard !== undefined) return { names: perShard.replace(/\n-- +/, ' ').split(', '), isPerShard: true };
  const header = script.split('\n').filter((line) => line.startsWith('-- KEYS['));
  const names = [...header.join('\n').matchAll(/KEYS\[\d+\] (\w+)/g)].map(([, name = '']) => name);
  return names.length === 0 ? undefined : { names, isPerShard: false };
}

function localViolations(path: string, code: string, names: readonly string[]): string[] {
  const locals = new Map<number, string>();
  for (const [, left = '', right = ''] of code.matchAll(
    /local\s+([\w, ]+?)\s*=\s*(KEYS\[\d+\](?:,\s*KEYS\[\d+\])*)/g,
  )) {
    const words = left.split(/,\s*/);
    for (const [at, index] of [...right.matchAll(/\d+/g)].entries()) locals.set(Number(index[0]), words[at] ?? '');
  }
  const unnamed = names.flatMap((name, at) => {
    const index = at + 1;
    return locals.get(index) === name
      ? []
      : [`${path}: KEYS[${index}] is ${name} by the header, and no local ${name} is made of it.`];
  });
  const used = new Set([...code.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1])));
  const undeclared = [...used].filter((index) => index > names.length);
  return [...unnamed, ...undeclared.map((index) => `${path} uses KEYS[${index}], which its header does not name.`)];
}

function stepViolations(path: string, code: string, names: readonly string[]): string[] {
  const hasStep = new RegExp(`for \\w+ = 1, #KEYS, ${names.length} do`).test(code);
  return hasStep
    ? []
    : [`${path} has ${names.length} keys of each shard, and no loop "for … = 1, #KEYS, ${names.length}".`];
}

function callerViolations(path: string, names: readonly string[], passed: readonly string[] | undefined): string[] {
  if (passed === undefined) return [`${path} is called by nobody.`];
  return passed.join(' ').replaceAll(':', '_') === names.join(' ')
    ? []
    : [`${path} is passed the keys ${passed.join(' ')}, and its header says ${names.join(' ')}.`];
}

/** The keys that a caller passes to each script, from the lines `load('name', ['key', …])` of its code. */
export function parseCallers(code: string): ReadonlyMap<string, readonly string[]> {
  const calls = code.matchAll(/\bload\('([\w-]+)',\s*\[([^\]]*)\]\)/g);
  return new Map(
    [...calls].map(([, name = '', keys = '']) => [name, [...keys.matchAll(/'([^']+)'/g)].map(([, key = '']) => key)]),
  );
}
