import { Utils, type EntityMetadata } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { readByKey } from '../../read/read-by-key.js';
import type { Pending } from '../../staging/staging-store.js';
import { tableScope } from '../describe/with-parents.js';
import { keyRow, knownRowKey, rowKeyIn } from '../describe/entity-key.js';
import type { Engine } from '../engine.js';
import { inexactRows } from './exact-overlay.js';
import { hasSession } from '../hooks/has-session.js';
import { lookupKeys } from './lookup.js';
import { hasPlainKey } from '../describe/plain-key.js';
import { isDrained } from '../write/staging-unit.js';
import { layOver, rowVersion, type DriverRow } from './row-overlay.js';
import { referredRows } from '../write/referred-rows.js';
import { touchedTypes } from './touched-types.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

type Options = Readonly<Record<string, unknown>>;
export type Find = (where: unknown, options: Options) => Promise<unknown>;

const INEXACT_TRIES = 3;

/**
 * Makes every read of write-behind entities see every acknowledged change: look-ups by key lay pending changes over PostgreSQL's rows, all other reads wait until what is
 * pending of the types that they touch is written.
 */
export class Reads {
  readonly #types: TypeRegistry;
  readonly #engine: Engine;

  constructor(types: TypeRegistry, engine: Engine) {
    this.#types = types;
    this.#engine = engine;
  }

  async find(meta: EntityMetadata, where: unknown, options: Options, find: Find, call = 'find'): Promise<unknown> {
    const known = this.#types.of(meta);
    const type = known?.isIn(options['schema'] as string | undefined) ? known : undefined;
    const inside = inTransaction(options);
    // What a transaction reads may be what it goes on to change by SQL, so nothing is laid over; a lock makes no other query of it.
    const keys =
      type && !isDrained(options) ? lookupKeys(type, where, inside ? unlocked(options) : options) : undefined;
    if (type && keys && type.lookups === 'overlay' && !inside && !hasSession(options['em'])) {
      const rows = [...(await this.rows(type, keys, find, options)).values()];
      // What is only staged has not met the condition that MikroORM adds for a subclass.
      return type.family ? rows.filter((row) => type.family?.holds(meta, row)) : rows;
    }
    if (keys) await this.#engine.drain({ kind: 'rows', keys }, { insideTransaction: inside });
    const queried = keys ? options : await this.beforeQuery(meta, where, options, { call });
    return find(where, type ? primary(options) : queried);
  }

  /** Before a read that is no look-up: what it touches is drained. Answers the options to go on with: what has been drained is only on the primary for certain. */
  async beforeQuery(
    meta: EntityMetadata,
    where: unknown,
    options: Options,
    { call, transaction }: { readonly call: string; readonly transaction?: unknown },
  ): Promise<Options> {
    if (this.#types.all.length === 0 || isDrained(options)) return options;
    const conditions = [where, options['orderBy'], options['populateWhere'], options['populateFilter']];
    const touched = touchedTypes(this.#types, meta, conditions, options['populate']);
    const isInside = inTransaction(options) || transaction !== undefined;
    await this.#drain([...touched], `${meta.className}.${call}`, isInside);
    return touched.size > 0 ? primary(options) : options;
  }

  /** Before SQL that changes rows past the unit of work: `em.nativeUpdate`, `em.nativeDelete`. Rows that it names must not have anything older written after it. */
  async beforeWrite(
    meta: EntityMetadata,
    where: unknown,
    rows: readonly object[],
    options: Options,
    call: string,
  ): Promise<void> {
    await this.#beforeReferences(meta, rows, options);
    const known = this.#types.of(meta);
    const type = known?.isIn(options['schema'] as string | undefined) ? known : undefined;
    const keys = type && hasPlainKey(type) && !isDrained(options) ? lookupKeys(type, where, {}) : undefined;
    if (keys) await this.#drainRows(keys, options);
    else await this.beforeQuery(meta, where, options, { call });
  }

  /** Before SQL that makes rows past the unit of work: `em.insert`, `em.insertMany`, `em.upsert`. */
  async beforeInsert(meta: EntityMetadata, rows: readonly object[], options: Options, call: string): Promise<void> {
    const type = this.#types.of(meta);
    await this.#beforeReferences(meta, rows, options);
    if (!type || isDrained(options)) return;
    await this.beforeQuery(meta, undefined, options, { call });
    const made = rows.map((row) => knownRowKey(type, { ...row })).filter((key) => key !== undefined);
    if (made.length === 0) return;
    await this.#drainRows(made, options);
    await this.#engine.forget(made);
  }

  /** Rows that are referred to must be there, or the statement breaks a foreign key. */
  async #beforeReferences(meta: EntityMetadata, rows: readonly object[], options: Options): Promise<void> {
    if (this.#types.all.length === 0 || isDrained(options)) return;
    const keys = referredRows(this.#types, meta, rows);
    if (keys.length > 0) await this.#drainRows(keys, options);
  }

  async #drainRows(keys: readonly RowKey[], options: Options): Promise<void> {
    await this.#engine.drain({ kind: 'rows', keys }, { insideTransaction: inTransaction(options), beforeWrite: true });
  }

  async #drain(types: readonly WriteBehindType[], caller: string, inside: boolean): Promise<void> {
    if (types.length === 0) return;
    if (inside) await this.#engine.drain(tableScope(types, this.#types), { insideTransaction: true });
    else await this.#engine.drainForQuery(types, caller);
  }

  /** The rows of these keys that there are, with what is pending of them. */
  async rows(
    type: WriteBehindType,
    keys: readonly RowKey[],
    find: Find,
    options: Options = {},
  ): Promise<Map<RowKey, DriverRow>> {
    return readByKey<DriverRow>(keys, {
      peek: (wanted) => this.#peekExact(type, wanted),
      outcomes: (tokens) => this.#engine.pending.outcomes(tokens),
      read: async (wanted) => {
        const found = (await find(keyCondition(type, wanted), primary(options))) as DriverRow[];
        return new Map(found.map((row) => [rowKeyIn(type, row), row]));
      },
      versionOf: (row) => rowVersion(type, row),
      lay: (record, row, key) => layOver(type, record, row, key),
    });
  }

  /** What is pending of these rows, once nothing of it would look different when it is written. */
  async #peekExact(type: WriteBehindType, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>> {
    for (let tries = 1; ; tries++) {
      const pending = await this.#engine.pending.peek(keys);
      const inexact = inexactRows(type, keys, pending);
      // What PostgreSQL does not take at present is better laid over in other words than not at all.
      if (inexact.length === 0 || tries > INEXACT_TRIES) return pending;
      await this.#engine.drain({ kind: 'rows', keys: inexact });
    }
  }
}

/** As MikroORM asks its driver for rows by key. */
function keyCondition(type: WriteBehindType, keys: readonly RowKey[]): Record<string, unknown> {
  const rows = keys.map((key) => keyRow(type, key));
  const [row = {}] = rows;
  if (rows.length === 1) return row;
  const { primaryKeys } = type.meta;
  const tuples = rows.map((each) => primaryKeys.map((name) => each[name]));
  return {
    [Utils.getPrimaryKeyHash([...primaryKeys])]: { $in: primaryKeys.length === 1 ? tuples.flat() : tuples },
  };
}

function inTransaction(options: Options): boolean {
  return options['ctx'] !== undefined;
}

function unlocked(options: Options): Options {
  return { ...options, lockMode: undefined };
}

/** Replicas lag. */
function primary(options: Options): Options {
  return { ...options, connectionType: 'write' };
}
