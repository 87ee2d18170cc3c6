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
   * The entities of this table. A name without a schema means the default schema, if it has such a table. Otherwise the
   * search path decides, which is not known here, so all tables of that name count.
   */
  of({ schema = this.#defaultSchema, name }: NamedTable): readonly EntityMetadata[] {
    const all = this.#byName.get(name) ?? [];
    const exact = all.filter((meta) => (meta.schema ?? this.#defaultSchema) === schema);
    return exact.length > 0 ? exact : all;
  }
}
