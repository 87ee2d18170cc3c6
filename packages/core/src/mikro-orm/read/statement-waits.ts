import type { EntityMetadata } from '@mikro-orm/core';
import { isInSchema } from '../describe/entity-key.js';
import type { RowKey } from '../../change/row-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { tableScope } from '../describe/with-others.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { DrainOptions, EngineWaits, QueryDrain, QueryWait } from '../engine.js';
import type { CallersTransaction, CallersTransactions } from '../transactions/caller.js';
import type { Options } from './query-options.js';
import { touchedTypes, type TouchedTypes } from './touched-types.js';

/** The options of a query that may reach other types through relations. */
const CONDITIONS = ['orderBy', 'populateWhere', 'populateFilter', 'populateOrderBy', 'having', 'unionWhere'];

/** Makes a statement wait until pending changes are written: in the transaction of its caller, if there is one. */
export class StatementWaits {
  readonly types: TypeRegistry;
  readonly #waits: EngineWaits;
  readonly #transactions: CallersTransactions;

  constructor(types: TypeRegistry, waits: EngineWaits, transactions: CallersTransactions) {
    this.types = types;
    this.#waits = waits;
    this.#transactions = transactions;
  }

  /** The transaction that the options of a call name. */
  inside(options: Options): CallersTransaction | undefined {
    return this.#transactions.of(options['ctx']);
  }

  /** The write-behind type of an entity, unless the options name another schema. */
  typeIn(meta: EntityMetadata, options: Options): WriteBehindType | undefined {
    const known = this.types.of(meta);
    return known && isInSchema(known, options['schema'] as string | undefined) ? known : undefined;
  }

  /** The types that a statement reads, as far as its conditions and options tell. */
  touched(meta: EntityMetadata, conditions: readonly unknown[], options: Options): TouchedTypes {
    const all = [...conditions, ...CONDITIONS.map((name) => options[name])];
    return touchedTypes(this.types, { meta, conditions: all, populate: options['populate'] });
  }

  /** Waits for changes of these rows. */
  async forRows(keys: readonly RowKey[], how: DrainOptions): Promise<void> {
    await this.#waits.drain({ kind: 'rows', keys }, how);
  }

  /**
   * Waits for changes of these types.
   * @param caller the name under which the wait is counted: `Product.find`
   */
  async forTypes(
    types: readonly WriteBehindType[],
    caller: string,
    inside: CallersTransaction | undefined,
    how: QueryWait,
  ): Promise<QueryDrain> {
    if (types.length === 0) return 'clear';
    if (!inside) return this.#waits.drainForQuery(types, caller, how);
    await this.#waits.drain(tableScope(types, this.types), { inside, signal: how.signal });
    return 'drained';
  }
}
