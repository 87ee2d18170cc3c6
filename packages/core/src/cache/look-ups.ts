import type { EntityMetadata } from '@mikro-orm/core';
import type { RowKey } from '../change/row-key.js';
import { isDrained } from '../mikro-orm/change/staging-unit.js';
import { hasSession } from '../mikro-orm/contract/call-context.js';
import type { DriverOptions } from '../mikro-orm/contract/methods.js';
import { isInSchema } from '../mikro-orm/describe/entity-key.js';
import { lookupKeys } from '../mikro-orm/describe/lookup.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { LoadRows } from '../mikro-orm/engine.js';
import type { DriverRow } from '../mikro-orm/read/row-overlay.js';
import type { CacheAccess } from './access.js';
import { encodeRow } from './cached-row.js';
import { readCopy } from './copied-row.js';
import { readThrough } from './read-through.js';

/** Answers look-ups by key of cached entities without SQL, where it can. */
export class CachedLookUps {
  readonly #types: TypeRegistry;
  readonly #access: () => CacheAccess;

  constructor(types: TypeRegistry, access: () => CacheAccess) {
    this.#types = types;
    this.#access = access;
  }

  /** @returns `undefined` for a read that has nothing to do with the cache */
  async find(
    meta: EntityMetadata,
    where: unknown,
    options: DriverOptions,
    load: LoadRows,
  ): Promise<DriverRow[] | undefined> {
    const type = this.#types.cached(meta);
    if (!type || !mayBeCached(type, options)) return undefined;
    const keys = lookupKeys(type, where, options);
    if (!keys) return undefined;
    const rows = [...(await this.#rows(type, meta, keys, load)).values()];
    // A copy has not met the condition that MikroORM adds for a subclass.
    return type.family ? rows.filter((row) => type.family?.holds(meta, row)) : rows;
  }

  async #rows(
    type: WriteBehindType,
    meta: EntityMetadata,
    keys: readonly RowKey[],
    load: LoadRows,
  ): Promise<Map<RowKey, DriverRow>> {
    const cache = this.#access();
    const { schema, name: table } = type.table;
    const ttlMs = type.policy.cache?.ttlMs ?? 0;
    // Rows that are read as a subclass lack the columns of other subclasses, so they are not kept.
    const isWhole = !type.family || meta.class === type.meta.class;
    return readThrough<DriverRow>(keys, {
      look: (wanted) => cache.look({ schema, table }, wanted),
      read: (key, copy) => readCopy(type, key, copy),
      load: (wanted, isKept) => load(type, wanted, isKept),
      fill: async (fillings) => {
        const copies = fillings.map(({ rowKey, ticket, row }) => ({
          rowKey,
          ticket,
          bytes: row && isWhole ? encodeRow(type, row) : undefined,
        }));
        await cache.keep({ schema, table }, copies, ttlMs);
      },
      drop: (wanted) => cache.drop(wanted),
      blocked: (rows) => cache.blocked({ schema, table }, rows),
    });
  }
}

/**
 * False in a transaction, which writes against the rows that it reads; under a session context, where PostgreSQL
 * decides which rows the caller sees; and for `refresh`, which asks for the rows as PostgreSQL has them, with writes
 * past Spillway.
 */
function mayBeCached(type: WriteBehindType, options: DriverOptions): boolean {
  if (options['ctx'] !== undefined || isDrained(options) || hasSession(options['em']) || options['refresh'])
    return false;
  return isInSchema(type, options['schema'] as string | undefined);
}
