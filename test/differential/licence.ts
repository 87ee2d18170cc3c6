import {
  ChangeSetType,
  type ChangeSet,
  type EntityMetadata,
  type EntityProperty,
  type EventSubscriber,
  type FlushEventArgs,
} from '@mikro-orm/postgresql';
import { keySeen, metaOf, type Seen } from './observe.js';

/**
 * Something that the worlds may answer differently, as docs/limits.md says. The plain world notices it before it
 * happens, and then the step is left out in both.
 */
export class Unlicensed extends Error {
  override readonly name = 'Unlicensed';
}

/**
 * Sees what a flush is about to write, in both worlds; the same is expected to be changed. In the plain one, what is
 * not licensed stops it.
 */
export class FlushWatch implements EventSubscriber {
  readonly #isPlain: boolean;
  #changes: Seen[] = [];
  #hasLagged = false;

  constructor(isPlain: boolean) {
    this.#isPlain = isPlain;
  }

  /** What flushes have changed since this was last asked. */
  taken(): readonly Seen[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** A transaction has waited for a second in vain for what is pending, and goes on without it. */
  lag(): void {
    this.#hasLagged = true;
  }

  /** Whether that has happened since this was last asked. */
  lagged(): boolean {
    const hasLagged = this.#hasLagged;
    this.#hasLagged = false;
    return hasLagged;
  }

  async onFlush({ uow, em }: FlushEventArgs): Promise<void> {
    for (const changeSet of uow.getChangeSets()) {
      this.#changes.push(changeSeen(changeSet));
      if (!this.#isPlain) continue;
      const reason = await whyUnlicensed(changeSet, async (sql, params) =>
        em.getConnection().execute(sql, [...params], 'all', em.getTransactionContext()),
      );
      if (reason !== undefined) throw new Unlicensed(reason);
    }
  }
}

function changeSeen({ type, entity, payload }: ChangeSet<object>): Seen {
  return { [type]: metaOf(entity).className, key: keySeen(entity), properties: Object.keys(payload).toSorted() };
}

type Select = (sql: string, params: readonly unknown[]) => Promise<Record<string, unknown>[]>;

async function whyUnlicensed({ type, entity }: ChangeSet<object>, select: Select): Promise<string | undefined> {
  const meta = metaOf(entity);
  const version = meta.versionProperty as string | undefined;
  if (meta.className === 'Note') return undefined;
  if (type === ChangeSetType.DELETE && version !== undefined) {
    const row = await rowOf(entity, select);
    const [stored, loaded] = [row?.[columnsOf(meta, version)[0] ?? ''], Reflect.get(entity, version)];
    if (String(stored) !== String(loaded)) return 'a delete of a loaded, versioned entity compares the version';
  }
  if (type === ChangeSetType.UPDATE && (await rowOf(entity, select)) === undefined)
    return 'an update of a row that is gone is refused, or a dead letter ROW_MISSING';
  return undefined;
}

async function rowOf(entity: object, select: Select): Promise<Record<string, unknown> | undefined> {
  const meta = metaOf(entity);
  const columns = meta.primaryKeys.flatMap((name) => columnsOf(meta, name));
  const key = keySeen(entity);
  const parts = (Array.isArray(key) ? key : [key]).map(databaseValue);
  const where = columns.map((column) => `"${column}" = ?`).join(' and ');
  const [row] = await select(`select * from "${meta.tableName}" where ${where}`, parts);
  return row;
}

function columnsOf(meta: EntityMetadata, name: string): readonly string[] {
  return (meta.properties as Readonly<Record<string, EntityProperty>>)[name]?.fieldNames ?? [];
}

function databaseValue(key: Seen): unknown {
  return typeof key === 'object' && key !== null && '$number' in key ? (key.$number as readonly Seen[])[1] : key;
}
