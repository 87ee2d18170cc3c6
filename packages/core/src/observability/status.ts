import type { RowKey } from '../change/row-key.js';
import type { StagingStats } from '../staging/staging-store.js';

/** The answer of `Spillway.of(orm).status()`. */
export interface SpillwayStatus extends StagingStats {
  /**
   * Reads of this process that met pending changes and waited until they were written, by caller (`Product.find`,
   * `Product.count`, …), the most frequent first. Make a frequent one a look-up by key, or let it see PostgreSQL as it
   * is.
   */
  readonly forcedDrains: Readonly<Record<string, number>>;
  /**
   * Changes of write-behind entities by this process, by entity and way: staged, by SQL and why, or promoted because
   * SQL needed them.
   */
  readonly writes: WritesByWay;
  /** What an operator has paused, for all processes: everything (`all`), and entities by name. */
  readonly paused: { readonly all: boolean; readonly entities: readonly string[] };
}

/** Callers are named by entity and call, so there are few; callers beyond this number are counted together. */
const MOST_CALLERS = 500;
const OTHERS = 'others';

/**
 * How often each kind of read in this process met pending changes and waited until they were written. Look at these
 * reads when lists are slow.
 */
export class ForcedDrains {
  readonly #counts = new Map<string, number>();

  /** @param caller the read, such as `Product.find` */
  count(caller: string): void {
    const name = this.#counts.has(caller) || this.#counts.size < MOST_CALLERS ? caller : OTHERS;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Caller -> number of waits, the most frequent first. */
  get byCaller(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([, one], [, other]) => other - one));
  }
}

/**
 * Why a change of a write-behind entity was written by SQL and not staged:
 * - `transaction`: in a transaction of the application
 * - `mixed`: its flush also writes plain entities, or a collection that owns a pivot table
 * - `session`: under a session context
 * - `fallback`: staging was full or down, and the policy says so
 * - `raw`, `cycle`, `key`, `class`: a `raw()` value, a reference that closes a cycle, another primary key or class
 * - `value`: a value of a form that only PostgreSQL can read, or refuse: a text for a boolean, `'tomorrow'` for a date
 * - `made-by-database`: an insert without a value that only PostgreSQL can make
 * - `concurrency-check`, `never-loaded`: only PostgreSQL knows the values to compare
 * - `followed`: a delete by which PostgreSQL itself deletes or changes other rows
 */
export type SqlReason =
  | 'transaction'
  | 'mixed'
  | 'session'
  | 'fallback'
  | 'raw'
  | 'value'
  | 'cycle'
  | 'key'
  | 'class'
  | 'made-by-database'
  | 'concurrency-check'
  | 'never-loaded'
  | 'followed';

/** `promoted`: pending rows, flushed because SQL needed them; `promoted-inside`: in that SQL's transaction. */
export type WriteWay = 'staged' | `sql:${SqlReason}` | 'promoted' | 'promoted-inside';

/** Entity -> way -> count. */
export type WritesByWay = Readonly<Record<string, Readonly<Partial<Record<WriteWay, number>>>>>;

/**
 * How the changes of this process were written: an entity that should be staged but mostly goes by SQL shows here, with
 * the reason.
 */
export class WriteWays {
  readonly #entityOf: (row: RowKey) => string | undefined;
  readonly #counts = new Map<string, Map<WriteWay, number>>();

  /** @param entityOf the name of a row's entity; `undefined` if this process does not know the entity */
  constructor(entityOf: (row: RowKey) => string | undefined) {
    this.#entityOf = entityOf;
  }

  countRow(row: RowKey, way: WriteWay): void {
    const entity = this.#entityOf(row);
    if (entity !== undefined) this.count(entity, way);
  }

  count(entity: string, way: WriteWay): void {
    const ways = this.#counts.get(entity) ?? new Map<WriteWay, number>();
    this.#counts.set(entity, ways.set(way, (ways.get(way) ?? 0) + 1));
  }

  get byEntity(): WritesByWay {
    return Object.fromEntries([...this.#counts].map(([entity, ways]) => [entity, Object.fromEntries(ways)]));
  }
}
