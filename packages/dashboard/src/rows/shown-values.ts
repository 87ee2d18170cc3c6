import type { EntityMetadata, MikroORM } from '@mikro-orm/core';
import type { ComparedRow, StagedRecord } from '@spillway/core';
import type { PropertyView, RecordView } from '../wire.js';

/** Decides which values the page may have. */
export class ShownValues {
  readonly #orm: MikroORM;
  readonly #isShown: boolean;

  constructor(orm: MikroORM, values: 'hidden' | 'shown') {
    this.#orm = orm;
    this.#isShown = values === 'shown';
  }

  /** Whether any value may be sent at all. */
  get areShown(): boolean {
    return this.#isShown;
  }

  /** A property that MikroORM does not serialise, or that nobody here knows, is never sent. */
  isShown(entity: string, property: string): boolean {
    const found = this.#metadata(entity)?.properties[property];
    return this.#isShown && found !== undefined && found.hidden !== true;
  }

  /** What the database says of a refused row quotes values, also of properties that are never sent. */
  mayQuote(entity: string): boolean {
    const metadata = this.#metadata(entity);
    return this.#isShown && metadata !== undefined && !Object.values(metadata.properties).some(({ hidden }) => hidden);
  }

  /**
   * The properties of a record and of its row: first those that the record sets.
   *
   * @param mayEdit whether values may be replaced where this is shown
   */
  views(record: StagedRecord, row: ComparedRow | undefined, entity: string, mayEdit = false): readonly PropertyView[] {
    const set = new Set(Object.keys(record.values));
    const others = Object.keys(row?.values ?? {}).filter((name) => !set.has(name));
    return [...[...set].toSorted(), ...others.toSorted()].map((name) => {
      const isShown = this.isShown(entity, name);
      const texts = { staged: record.values[name], loaded: record.originals[name], database: row?.values[name] };
      return {
        name,
        state: stateOf(name, set, row),
        ...(isShown && Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined))),
        isHidden: !isShown,
        isEditable: mayEdit && isShown && record.kind !== 'delete',
      };
    });
  }

  record(record: StagedRecord, entity: string): RecordView {
    return {
      kind: record.kind,
      ...(record.base !== undefined && { base: record.base }),
      ...(record.version !== undefined && { version: record.version }),
      firstAtMs: record.firstAtMs,
      merged: record.merged,
      attempts: record.attempts,
      isDoubtful: record.doubtful,
      deltas: Object.entries(record.deltas).map(([name, by]) => ({
        name,
        ...(this.isShown(entity, name) && { by }),
      })),
    };
  }

  #metadata(entity: string): EntityMetadata | undefined {
    return metadataOf(this.#orm, entity);
  }
}

function stateOf(name: string, set: ReadonlySet<string>, row: ComparedRow | undefined): PropertyView['state'] {
  if (!set.has(name)) return 'row';
  if (!row) return 'staged';
  return row.agreed.includes(name) ? 'same' : 'differs';
}

/** The entity with this name; `undefined` if the ORM has none. */
export function metadataOf(orm: MikroORM, entity: string): EntityMetadata | undefined {
  for (const metadata of orm.getMetadata().getAll().values()) if (metadata.className === entity) return metadata;
  return undefined;
}
