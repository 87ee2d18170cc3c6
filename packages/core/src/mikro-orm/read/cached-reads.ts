import type { EntityMetadata } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { readThrough } from '../../read/read-through.js';
import type { Engine } from '../engine.js';
import { hasSession } from '../hooks/has-session.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { decodeRow, encodeRow } from './cached-row.js';
import type { DriverRow } from './row-overlay.js';

type Options = Readonly<Record<string, unknown>>;
type Load = (keys: readonly RowKey[]) => Promise<ReadonlyMap<RowKey, DriverRow>>;

/** Answers look-ups by key of cached entities without SQL, where it can. */
export class CachedReads {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * A transaction reads what it will write against; under a session PostgreSQL decides who sees what; and whoever asks for `refresh` wants to see what PostgreSQL has, past what was
   * written without Spillway too.
   */
  isFor(type: WriteBehindType, options: Options): boolean {
    if (!type.policy.cache || options['ctx'] !== undefined) return false;
    return !hasSession(options['em']) && !options['refresh'];
  }

  /** @param meta the class that is asked for: what is read of a subclass lacks the columns of others, so it is not kept */
  async rows(
    type: WriteBehindType,
    meta: EntityMetadata,
    keys: readonly RowKey[],
    load: Load,
  ): Promise<Map<RowKey, DriverRow>> {
    const { cache } = this.#engine;
    const { schema, name: table } = type.table;
    const ttlMs = type.policy.cache?.ttlMs ?? 0;
    const isWhole = !type.family || meta.class === type.meta.class;
    return readThrough<DriverRow>(keys, {
      look: (wanted) => cache.look({ schema, table }, wanted),
      decode: (bytes) => decodeRow(type, bytes),
      load,
      fill: async (fillings) => {
        const copies = fillings.map(({ rowKey, ticket, row }) => ({
          rowKey,
          ticket,
          bytes: row && isWhole ? encodeRow(type, row) : undefined,
        }));
        await cache.fill({ schema, table }, copies, ttlMs);
      },
      blocked: (rows) => cache.blocked({ schema, table }, rows),
    });
  }
}
