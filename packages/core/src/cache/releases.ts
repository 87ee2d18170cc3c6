import { setTimeout as pause } from 'node:timers/promises';
import { tableOf, tableText, type TableName } from '../change/row-key.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { Logger } from '../options.js';
import type { CopyRegistry } from '../sink/registry.js';
import type { RowCache } from '../staging/row-cache.js';
import { UNTIL_DISBELIEVED_MS } from './trust.js';

export interface CachedHere {
  readonly name: string;
  readonly table: TableName;
}

/** The entities that this process reads through the cache. */
export function cachedHere(types: readonly WriteBehindType[]): readonly CachedHere[] {
  return types
    .filter(({ policy }) => policy.cache)
    .map((type) => ({ name: type.meta.className, table: tableOf(type) }));
}

/** Tells other releases before the first copy is kept, or warns that this release cannot use copies. */
export async function announceCopies(
  cached: readonly CachedHere[],
  copies: CopyRegistry,
  logger: Logger,
): Promise<void> {
  if (cached.length === 0) return;
  const disbelieved = new Set((await copies.disbelieved.list()).map(tableText));
  const isBelieved = ({ table }: CachedHere): boolean => !disbelieved.has(tableText(table));
  await copies.kept.add(cached.filter(isBelieved).map(({ table }) => table));
  for (const { name } of cached.filter((each) => !isBelieved(each)))
    logger.warn(
      `Spillway: ${name} is not cached, for a release without a cache for it has run since, and writes it without telling. ` +
        `End its processes, then call Spillway.of(orm).rejoin()`,
    );
}

/**
 * This process writes these tables and tells no cache of it: once this resolves, no process believes copies of their
 * rows. Another process may have asked just before whether to believe copies, hence the pause. The tables then count as
 * uncached, so later processes need not repeat this.
 */
export async function disbelieve(tables: readonly TableName[], copies: CopyRegistry): Promise<void> {
  await copies.disbelieved.add(tables);
  await pause(UNTIL_DISBELIEVED_MS);
  await copies.kept.remove(tables);
}

/** All processes tell the cache again. Copies from before others wrote without telling it are old. */
export async function believeAgain(
  cached: readonly CachedHere[],
  copies: CopyRegistry,
  cache: RowCache,
): Promise<void> {
  if (cached.length === 0) return;
  const tables = cached.map(({ table }) => table);
  await cache.clear();
  await copies.kept.add(tables);
  await copies.disbelieved.remove(tables);
}
