import type { EntityMetadata } from '@mikro-orm/core';
import { isInSchema } from '../describe/entity-key.js';
import type { RowKey } from '../../change/row-key.js';
import { readThrough, type Loaded } from '../../read/read-through.js';
import type { Engine } from '../engine.js';
import { hasSession } from '../contract/call-context.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { encodeRow } from './cached-row.js';
import { readCopy } from './copied-row.js';
import { isDrained } from '../change/staging-unit.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { lookupKeys } from '../describe/lookup.js';
import type { DriverRow } from './row-overlay.js';

type Options = Readonly<Record<string, unknown>>;
/**
 * Reads rows from the database, with pending changes laid over. `isKept`: some of the rows will be kept as copies, so
 * no row may be older than what was committed.
 */
export type Load = (type: WriteBehindType, keys: readonly RowKey[], isKept: boolean) => Promise<Loaded<DriverRow>>;

/** Answers look-ups by key of cached entities without SQL, where it can. */
export class CachedReads {
  readonly #types: TypeRegistry;
  readonly #engine: Engine;

  constructor(types: TypeRegistry, engine: Engine) {
    this.#types = types;
    this.#engine = engine;
  }

  /** @returns `undefined` for a read that has nothing to do with the cache */
  async of(meta: EntityMetadata, where: unknown, options: Options, load: Load): Promise<DriverRow[] | undefined> {
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
    load: Load,
  ): Promise<Map<RowKey, DriverRow>> {
    const { cache } = this.#engine;
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
function mayBeCached(type: WriteBehindType, options: Options): boolean {
  if (options['ctx'] !== undefined || isDrained(options) || hasSession(options['em']) || options['refresh'])
    return false;
  return isInSchema(type, options['schema'] as string | undefined);
}
