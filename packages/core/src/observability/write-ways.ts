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
  readonly #counts = new Map<string, Map<WriteWay, number>>();

  count(entity: string, way: WriteWay): void {
    const ways = this.#counts.get(entity) ?? new Map<WriteWay, number>();
    this.#counts.set(entity, ways.set(way, (ways.get(way) ?? 0) + 1));
  }

  get byEntity(): WritesByWay {
    return Object.fromEntries([...this.#counts].map(([entity, ways]) => [entity, Object.fromEntries(ways)]));
  }
}
