import { tableText, type TableName } from '../change/row-key.js';

/** Entities whose staged changes no process writes, because an operator has paused them. */
export interface Paused {
  /** All entities, those of other releases too. */
  readonly isAll: boolean;
  /** Entity -> its table. */
  readonly entities: ReadonlyMap<string, TableName>;
}

export const NONE_PAUSED: Paused = { isAll: false, entities: new Map() };

/** The paused entities of the namespace, for all processes, as the database knows them. */
export interface PausedEntities {
  /** `undefined`: all entities. */
  add(entity: string | undefined, table?: TableName): Promise<void>;
  /** `undefined`: ends the pause of all; entities that were paused by name stay so. */
  remove(entity: string | undefined): Promise<void>;
  list(): Promise<Paused>;
}

/** True if rows of the table are not to be written. */
export function isPaused({ isAll, entities }: Paused, table: TableName): boolean {
  if (isAll) return true;
  if (entities.size === 0) return false;
  const text = tableText(table);
  return [...entities.values()].some((paused) => tableText(paused) === text);
}

export function isAnyPaused({ isAll, entities }: Paused): boolean {
  return isAll || entities.size > 0;
}

/** The pauses in one line, by which two looks are compared. */
export function pausesText({ isAll, entities }: Paused): string {
  return JSON.stringify([isAll, ...[...entities.keys()].toSorted()]);
}
