import { helper, type Collection, type EntityMetadata } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { fellBack } from '../change/fallback.js';
import { referredRows } from '../change/referred-rows.js';
import { isDrained } from '../change/staging-unit.js';
import { signalOf } from '../contract/call-context.js';
import { isInSchema, knownRowKey } from '../describe/entity-key.js';
import { lookupKeys, hasPlainKey } from '../describe/lookup.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { namesUnique } from '../describe/unique-properties.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { EngineWrites } from '../engine.js';
import type { Options } from '../read/query-options.js';
import type { Expected, SentStatements } from '../read/running-queries.js';
import type { StatementWaits } from '../read/statement-waits.js';
import type { CallersTransactions } from '../transactions/caller.js';
import { typesSought } from './flush-content.js';

/** SQL by criteria, as MikroORM's driver is asked to send it. */
interface Criteria {
  readonly meta: EntityMetadata;
  readonly where: unknown;
  readonly options: Options;
  /** MikroORM's method. */
  readonly call: string;
}

/**
 * Keeps the order between pending changes and SQL that writes past the unit of work: pending changes of the rows that
 * the SQL names, refers to or finds by its criteria are written first.
 */
export class SqlWrites {
  readonly #types: TypeRegistry;
  readonly #writes: Pick<EngineWrites, 'forget'>;
  readonly #transactions: CallersTransactions;
  readonly #waits: StatementWaits;
  readonly #sent: SentStatements;

  constructor(
    writes: Pick<EngineWrites, 'forget'>,
    transactions: CallersTransactions,
    waits: StatementWaits,
    sent: SentStatements,
  ) {
    this.#types = waits.types;
    this.#writes = writes;
    this.#transactions = transactions;
    this.#waits = waits;
    this.#sent = sent;
  }

  /**
   * Before SQL that changes rows: `em.nativeUpdate`, `em.nativeDelete`. No older change of the rows that it names may
   * be written after it.
   */
  async beforeWrite(
    meta: EntityMetadata,
    where: unknown,
    rows: readonly object[],
    options: Options,
    call: string,
  ): Promise<void> {
    if (fellBack(options) === 'down') return;
    await this.#beforeReferences(meta, rows, options);
    await this.#beforeFollowers(meta, rows, options, call);
    const type = this.#waits.typeIn(meta, options);
    // The branches of a union look for rows by values that may be pending.
    const { unionWhere } = options;
    const isByKey = type !== undefined && hasPlainKey(type) && !isDrained(options);
    const keys = isByKey ? lookupKeys(type, where, { unionWhere }) : undefined;
    const isContended = type !== undefined && rows.some((row) => namesUnique(type.unique, row));
    if (keys) await this.#drainRows(keys, options);
    if (!keys || isContended) await this.#beforeCriteria(meta, where, options, call);
  }

  /** Before SQL that makes rows: `em.insert`, `em.insertMany`, `em.upsert`. */
  async beforeInsert(meta: EntityMetadata, rows: readonly object[], options: Options, call: string): Promise<void> {
    if (fellBack(options) === 'down') return;
    const type = this.#types.of(meta);
    await this.#beforeReferences(meta, rows, options);
    if (!type || isDrained(options)) return;
    await this.#beforeCriteria(meta, undefined, options, call);
    const made = rows.map((row) => knownRowKey(type, { ...row })).filter((key) => key !== undefined);
    if (made.length === 0) return;
    await this.#drainRows(made, options);
    await this.#writes.forget(made);
  }

  /**
   * Before the collections of a flush are written. In a transaction, a flush that changes only collections has had no
   * other occasion to wait.
   */
  async beforeCollections(collections: readonly Collection<object>[], options: Options): Promise<void> {
    const keys = new Set<RowKey>();
    for (const entity of collections.flatMap((collection) => [collection.owner, ...collection.getItems(false)])) {
      const type = this.#types.of(helper(entity).__meta);
      const key = type && isInSchema(type, helper(entity).__schema) ? knownRowKey(type, entity) : undefined;
      if (key !== undefined) keys.add(key);
    }
    await this.#beforeStatement([...typesSought(this.#types, collections)], 'em.flush', options);
    if (keys.size > 0) await this.#drainRows([...keys], options);
  }

  /** Sends SQL by criteria, after the waits that its arguments call for. */
  async sendCriteria<T>({ meta, where, options, call }: Criteria, act: () => Promise<T>): Promise<T> {
    if (this.#types.all.length === 0 || isDrained(options) || fellBack(options)) return act();
    const late: Expected['late'] = async (types, ctx) => {
      const how = { signal: signalOf(options), purpose: 'write' } as const;
      await this.#waits.forTypes(types, `${meta.className}.${call}`, this.#transactions.of(ctx), how);
      return true;
    };
    return this.#sent.during({ known: new Set(this.#waits.touched(meta, [where], options).all), late }, act);
  }

  /** The rows that these rows refer to must exist, or the statement breaks a foreign key. */
  async #beforeReferences(meta: EntityMetadata, rows: readonly object[], options: Options): Promise<void> {
    if (this.#types.all.length === 0 || isDrained(options)) return;
    const keys = referredRows(this.#types, meta, rows);
    if (keys.length > 0) await this.#drainRows(keys, options);
  }

  /**
   * The database itself changes other rows with this statement. Their pending changes would be written into deleted
   * rows, or refer to one.
   */
  async #beforeFollowers(meta: EntityMetadata, rows: readonly object[], options: Options, call: string): Promise<void> {
    const renames = meta.primaryKeys.some((name) => rows.some((row) => name in row));
    if (isDrained(options) || (call !== 'nativeDelete' && !renames)) return;
    await this.#beforeStatement(this.#types.pendingFollowers(meta, renames), `${meta.className}.${call}`, options);
  }

  /** A statement by criteria changes the rows that PostgreSQL finds by them, whatever the policies say of reads. */
  async #beforeCriteria(meta: EntityMetadata, where: unknown, options: Options, call: string): Promise<void> {
    // A call that could not be staged names its rows, and pending changes of these are written on their own.
    if (this.#types.all.length === 0 || isDrained(options) || fellBack(options)) return;
    const { all } = this.#waits.touched(meta, [where], options);
    await this.#beforeStatement([...all], `${meta.className}.${call}`, options);
  }

  /** A statement that writes waits for pending changes, whatever the policies say of queries. */
  async #beforeStatement(types: readonly WriteBehindType[], caller: string, options: Options): Promise<void> {
    const how = { signal: signalOf(options), purpose: 'write' } as const;
    await this.#waits.forTypes(types, caller, this.#waits.inside(options), how);
  }

  async #drainRows(keys: readonly RowKey[], options: Options): Promise<void> {
    const inside = this.#waits.inside(options);
    await this.#waits.forRows(keys, { inside, beforeWrite: true, signal: signalOf(options) });
  }
}
