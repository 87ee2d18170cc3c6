import type { EntityMetadata } from '@mikro-orm/core';

/** A table as a statement names it. */
export interface NamedTable {
  readonly schema?: string;
  readonly name: string;
}

/** The entities of an ORM by the names of their tables. */
export class TableNames {
  readonly #byName = new Map<string, EntityMetadata[]>();
  readonly #defaultSchema: string;

  /** @param defaultSchema of tables that name none */
  constructor(metas: readonly EntityMetadata[], defaultSchema: string) {
    this.#defaultSchema = defaultSchema;
    for (const meta of metas) {
      if (meta.embeddable || !meta.tableName) continue;
      const others = this.#byName.get(meta.tableName) ?? [];
      this.#byName.set(meta.tableName, [...others, meta]);
    }
  }

  /**
   * Those of this table. A name without a schema is one of the default schema, if there is one there; where the search
   * path leads otherwise is not known, so then it may be any.
   */
  of({ schema = this.#defaultSchema, name }: NamedTable): readonly EntityMetadata[] {
    const all = this.#byName.get(name) ?? [];
    const exact = all.filter((meta) => (meta.schema ?? this.#defaultSchema) === schema);
    return exact.length > 0 ? exact : all;
  }
}
