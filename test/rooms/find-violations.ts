import { posix } from 'node:path';
import { findCycle } from './find-cycle.js';
import {
  doorOfRoom,
  effectfulBuiltins,
  layersOfMikroOrm,
  maxLinesOfFile,
  roomOfSql,
  roomRules,
  roomsWithCirclesOfTypes,
  roomsWithoutEffects,
  type RoomRule,
} from './rules.js';
import type { Import, SourceFile } from './source-file.js';

/** Every breach of the room rules, as a sentence that names the file. */
export function findViolations(files: readonly SourceFile[]): string[] {
  return [...files.flatMap(violationsOf), ...cycleViolations(files)];
}

function violationsOf(file: SourceFile): string[] {
  const room = roomOf(file.path);
  const rule = room === undefined ? undefined : roomRules[room];
  if (room === undefined || rule === undefined) return [`${file.path} lies in no room.`];
  return [
    ...file.imports.flatMap((imported) => importViolation(file, room, rule, imported)),
    ...(room === 'mikro-orm' ? layerViolations(file) : []),
    ...sqlViolations(file, room),
    // A contract suite knows how many rows it makes.
    ...(room === 'testing' ? [] : spreadViolations(file)),
    ...(file.lines > maxLinesOfFile
      ? [`${file.path} has ${file.lines} lines; split it before ${maxLinesOfFile}.`]
      : []),
  ];
}

/** The longest name among the rules that the file's path begins with. */
function roomOf(path: string): string | undefined {
  const names = Object.keys(roomRules).filter((name) => path === `${name}.ts` || path.startsWith(`${name}/`));
  return names.toSorted((a, b) => b.length - a.length)[0];
}

function importViolation(file: SourceFile, room: string, rule: RoomRule, { from, isType }: Import): string[] {
  if (from.startsWith('.')) {
    const target = targetOf(file.path, from);
    const entered = roomOf(target) ?? '';
    if (entered === room) return [];
    const door = doorOfRoom[entered];
    if (door !== undefined && target !== door)
      return [`${file.path} imports ${target}; the door of ${entered} is ${door}.`];
    const allowed = [...rule.imports, ...(isType ? rule.types : [])];
    if (allowed.some((name) => isPartOf(target, name))) return [];
    const hint = rule.types.some((name) => isPartOf(target, name)) ? ' Only its types may be imported.' : '';
    return [`${file.path} imports ${target}, which ${room} must not know.${hint}`];
  }
  const builtin = /^node:([^/]+)/.exec(from)?.[1];
  if (builtin !== undefined) {
    const isAllowed = !roomsWithoutEffects.includes(room) || !effectfulBuiltins.includes(builtin);
    return isAllowed ? [] : [`${file.path} imports ${from}, and ${room} has no side effects.`];
  }
  const allowed = [...rule.packages, ...(isType ? rule.packageTypes : [])];
  return allowed.some((name) => isPackage(from, name))
    ? []
    : [`${file.path} imports the package ${from}, which ${room} must not know.`];
}

/** The layer of a file of `mikro-orm/`: its folder there, or its own name. */
function layerOf(path: string): string {
  const [, layer = ''] = path.split('/');
  return layer.replace(/\.ts$/, '');
}

function layerViolations(file: SourceFile): string[] {
  const layer = layerOf(file.path);
  const height = layersOfMikroOrm.indexOf(layer);
  if (height < 0) return [`${file.path} lies in no layer of mikro-orm/.`];
  const targets = file.imports.filter(({ from }) => from.startsWith('.')).map(({ from }) => targetOf(file.path, from));
  return targets
    .filter((target) => target.startsWith('mikro-orm/') && layersOfMikroOrm.indexOf(layerOf(target)) > height)
    .map((target) => `${file.path} imports ${target}, and mikro-orm/${layer} lies below mikro-orm/${layerOf(target)}.`);
}

/** Whether `path` is what a rule's `name` stands for: a file, a folder, the files directly in a folder, or anything. */
function isPartOf(path: string, name: string): boolean {
  if (name === '*') return true;
  if (name.endsWith('/*')) return posix.dirname(path) === name.slice(0, -2);
  return path === `${name}.ts` || path.startsWith(`${name}/`);
}

function isPackage(from: string, name: string): boolean {
  if (name.endsWith('/*')) return from.startsWith(name.slice(0, -1));
  return from === name || from.startsWith(`${name}/`);
}

function targetOf(path: string, from: string): string {
  return posix.join(posix.dirname(path), from).replace(/\.js$/, '.ts');
}

// In lower case, as the house writes SQL; a sentence begins with a capital.
const sql =
  /^\s*(?:select\s|insert\s+into\s|update\s+\S+\s+(?:as\s+\S+\s+)?set\s|delete\s+from\s|with\s+\S+\s+as\s*\(|lock\s+table\s|truncate\s|(?:create|alter|drop)\s+(?:table|schema|index|type|sequence)\s|set\s+(?:local|constraints)\s)/;

function sqlViolations(file: SourceFile, room: string): string[] {
  if (room === roomOfSql) return [];
  const found = file.texts.filter((text) => sql.test(text));
  return found.map((text) => `${file.path} holds SQL, which belongs in ${roomOfSql}: ${text.trim().slice(0, 60)}`);
}

/** A call takes some hundred thousand arguments at most, fewer where the stack is deep. */
export function spreadViolations({ path, spreads }: Pick<SourceFile, 'path' | 'spreads'>): string[] {
  return spreads.map(
    (spread) =>
      `${path} spreads ${spread} into a call, which ends in a RangeError when it is long: loop, concat or reduce.`,
  );
}

function cycleViolations(files: readonly SourceFile[]): string[] {
  const values = findCycle(importsBetween(files, (imported) => !imported.isType));
  if (values) return [`These files import each other in a circle: ${values.join(' -> ')}.`];
  const untied = files.filter(({ path }) => !roomsWithCirclesOfTypes.includes(roomOf(path) ?? ''));
  const types = findCycle(importsBetween(untied, () => true));
  return types ? [`These files import types of each other in a circle: ${types.join(' -> ')}.`] : [];
}

function importsBetween(
  files: readonly SourceFile[],
  counts: (imported: Import) => boolean,
): Map<string, readonly string[]> {
  const paths = new Set(files.map(({ path }) => path));
  return new Map(
    files.map(({ path, imports }) => {
      const targets = imports.filter(({ from }) => from.startsWith('.')).filter(counts);
      return [path, targets.map(({ from }) => targetOf(path, from)).filter((target) => paths.has(target))];
    }),
  );
}
