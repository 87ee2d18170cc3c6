import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './markdown.js';

const sources = path.join(root, 'packages/core/src');

/**
 * The commands that Spillway sends to Redis, as an ACL writes them: those of its scripts, those that it sends by
 * themselves, and the two that bring the scripts.
 *
 * @param rooms those whose TypeScript sends commands
 */
export function usedCommands(...rooms: readonly ('redis' | 'nodes' | 'reshard')[]): ReadonlySet<string> {
  const scripts = codeOf('staging/redis/lua/**/*.lua').map((code) => code.replaceAll(/--.*$/gm, ''));
  const typescript = rooms.flatMap((room) => codeOf(`staging/${room}/*.ts`));
  return new Set(
    [
      ...found(scripts, /\b(?:redis\.p?call|send)\('(\w+)'/g),
      ...found(typescript, /\.command\('(\w+(?:', \['GET)?)'/g),
      ...found(typescript, /#send\('(\w+)'/g),
    ].map((command) => command.toLowerCase().replace("', ['", '|')),
  );
}

type Verb = 'select' | 'insert' | 'update' | 'delete';

const VERBS: Readonly<Record<string, readonly Verb[]>> = {
  'insert into': ['insert'],
  update: ['update'],
  'delete from': ['delete'],
  from: ['select'],
};

/** What Spillway's SQL does to each of its own tables. */
export function usedOnOwnTables(): ReadonlyMap<string, ReadonlySet<Verb>> {
  const used = new Map<string, Set<Verb>>();
  for (const code of codeOf('sink/postgres/**/*.ts')) {
    for (const [, verb = '', table = '', upsert] of code.matchAll(
      /\b(insert into|update|delete from|from) \$\{[\w.#]*?(shard|batch|doubt|registry)\}(?=([^`;]*?\bdo update\b)?)/g,
    )) {
      const name = `spillway_${table}`;
      const verbs = [...(VERBS[verb] ?? []), ...(verb === 'insert into' && upsert ? (['update'] as const) : [])];
      used.set(name, new Set([...(used.get(name) ?? []), ...verbs]));
    }
  }
  return used;
}

function codeOf(pattern: string): string[] {
  return globSync(pattern, { cwd: sources }).map((file) => readFileSync(path.join(sources, file), 'utf8'));
}

function found(texts: readonly string[], pattern: RegExp): string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = '']) => name));
}
