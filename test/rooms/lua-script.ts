import { maxLinesOfScript } from './rules.js';

/**
 * What a Lua script breaks of its form. A script begins with a header that names each of its keys, as `KEYS[1] dirty`,
 * and its code gives each of them a local of that very name: `local dirty = KEYS[1]`.
 */
export function findScriptViolations(path: string, script: string): string[] {
  const lines = script.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--') && line.trim() !== '');
  const header = keysIn(lines.slice(0, end).join('\n'), /KEYS\[(\d+)\]\s+(\w+)/g, ([, index, name]) => [index, name]);
  const code = lines
    .slice(end)
    .map((line) => line.replace(/--.*$/, ''))
    .join('\n');
  const named = keysIn(code, /local\s+(\w+)\s*=\s*KEYS\[(\d+)\]/g, ([, name, index]) => [index, name]);
  const used = [...code.matchAll(/KEYS\[(\d+)\]/g)].map(([, index]) => String(index));

  const violations: string[] = [];
  for (const [index, name] of header) {
    if (named.get(index) !== name) {
      violations.push(
        `${path}: the header says KEYS[${index}] ${name}, and the code has no "local ${name} = KEYS[${index}]".`,
      );
    }
  }
  for (const index of new Set(used)) {
    if (!header.has(index)) violations.push(`${path} uses KEYS[${index}], which its header does not name.`);
  }
  const count = lines.length - 1;
  if (count > maxLinesOfScript)
    violations.push(`${path} has ${count} lines; a script has at most ${maxLinesOfScript}.`);
  return violations;
}

type Pair = readonly [index: string | undefined, name: string | undefined];

function keysIn(text: string, pattern: RegExp, pair: (match: RegExpExecArray) => Pair): Map<string, string> {
  const keys = new Map<string, string>();
  for (const match of text.matchAll(pattern)) {
    const [index, name] = pair(match);
    if (index !== undefined && name !== undefined) keys.set(index, name);
  }
  return keys;
}
