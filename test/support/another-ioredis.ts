import { createRequire } from 'node:module';
import type * as ioredis from 'ioredis';

/** The classes of ioredis, loaded once more: what another copy of it in an application looks like. */
export function anotherIoredis(): Pick<typeof ioredis, 'Redis'> {
  const load = createRequire(import.meta.url);
  const filesOf = (): string[] => Object.keys(load.cache).filter((file) => /[/\\]ioredis[/\\]/u.test(file));
  const before = filesOf().map((file) => [file, load.cache[file]] as const);
  for (const file of filesOf()) delete load.cache[file];
  const other = load('ioredis') as typeof ioredis;
  for (const file of filesOf()) delete load.cache[file];
  for (const [file, module] of before) load.cache[file] = module;
  return other;
}
