import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { unsupported } from './unsupported.js';

/** Classes that share one table: single-table inheritance. Staging knows them as one type, the root's. */
export interface SingleTable {
  /** The property that names the class of a row. */
  readonly discriminator: string;
  /** True if a row is of this class, or of a class that extends it. MikroORM adds the same condition to its queries. */
  readonly holds: (meta: EntityMetadata, row: Readonly<Record<string, unknown>>) => boolean;
}

/** The classes that share the table of this root, if it is one. */
export function singleTable(root: EntityMetadata): SingleTable | undefined {
  const discriminator = root.discriminatorColumn;
  if (root.inheritanceType !== 'sti' || discriminator === undefined) return undefined;
  for (const property of root.props) assertOneColumn(root.className, property);
  const classes = new Map(Object.entries((root.discriminatorMap ?? {}) as Readonly<Record<string, Function>>));
  return {
    discriminator,
    holds: (meta, row) => {
      if (meta.discriminatorValue === undefined) return true;
      const rowClass = classes.get(String(row[discriminator]));
      return rowClass === meta.class || rowClass?.prototype instanceof meta.class;
    },
  };
}

/**
 * MikroORM lets subclasses keep properties of one name in different columns. A record names properties, so it could not
 * tell which column is meant.
 */
function assertOneColumn(entity: string, property: EntityProperty): void {
  if (property.stiFieldNames || property.renamedFrom)
    throw unsupported(
      entity,
      `property "${property.renamedFrom ?? property.name}" is a different column in each subclass`,
      'Give the properties different names',
    );
  // A property that only a subclass has is nullable in the table.
  if (property.version && property.nullable)
    throw unsupported(
      entity,
      `its version "${property.name}" is declared in a subclass`,
      `Declare it in ${entity}, for all rows of the table`,
    );
}
