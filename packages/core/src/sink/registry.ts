import type { TableName } from '../change/row-key.js';

/**
 * The staged entities of the namespace, as the database knows them. A process that writes by SQL asks the registry
 * without the staging store, which may be gone by then.
 */
export interface EntityRegistry {
  /** Called before a change of the entities is staged. */
  add(entities: ReadonlyMap<string, TableName>): Promise<void>;
  /** Entity -> its table. */
  list(): Promise<ReadonlyMap<string, TableName>>;
  /** Called after the entities were left. */
  remove(entities: readonly string[]): Promise<void>;
}

/** The same about tables. */
export interface TableRegistry {
  add(tables: readonly TableName[]): Promise<void>;
  list(): Promise<readonly TableName[]>;
  remove(tables: readonly TableName[]): Promise<void>;
}

/** The entries by which releases tell each other about the cache. */
export interface CopyRegistry {
  /** Tables of which some release keeps copies. Noted before the first copy is kept. */
  readonly kept: TableRegistry;
  /** Tables whose copies no release believes, because another release writes the rows without telling the cache. */
  readonly disbelieved: TableRegistry;
}
