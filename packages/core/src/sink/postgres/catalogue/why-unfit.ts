import { SpillwayError } from '../../../errors.js';
import type { Table } from '../../table.js';

/** The catalogue's facts of a relation into which an entity is to be written. */
export interface RelationFacts {
  /** The schema of the relation. For a table that is named without one, only the search path knows it. */
  readonly schema: string;
  /** As `pg_class.relkind`. */
  readonly kind: string;
  /** A view with `instead of` triggers. */
  readonly hasInsteadOf: boolean;
  /** A row can be inserted into it. */
  readonly takesRows: boolean;
  /** Its primary key and unique constraints and indexes: whole rows, plain columns. */
  readonly keys: readonly RelationKey[];
}

interface RelationKey {
  readonly columns: readonly string[];
  /** `without overlaps`: equal values are allowed at different times. */
  readonly isTemporal: boolean;
}

/**
 * The reason why rows of a table cannot be written in bulk, by their key: a clause, and what to do. `undefined` if they
 * can.
 */
export function whyUnfit(table: Table, { kind, hasInsteadOf, takesRows, keys }: RelationFacts): string | undefined {
  if (kind === 'v' && hasInsteadOf)
    return 'is a view with `instead of` triggers. Decorate the entity of the table below';
  if (kind === 'v' && !takesRows)
    return 'is a view that PostgreSQL inserts no row into. Decorate the entity of the table below';
  if (kind === 'v') return undefined;
  if (kind === 'm') return 'is a materialized view. Decorate the entity of a table that it reads';
  if (kind === 'f') return 'is a foreign table, whose keys PostgreSQL does not know. Stage where the table is';
  const wanted = table.key.map(({ name }) => name);
  if (keys.some(({ columns, isTemporal }) => !isTemporal && isSame(columns, wanted))) return undefined;
  const names = wanted.map((name) => `"${name}"`).join(', ');
  const isTemporal = keys.some((key) => key.isTemporal && wanted.every((name) => key.columns.includes(name)));
  return isTemporal
    ? `has a temporal key (\`without overlaps\`), so ${names} may stand in several rows. Give it a primary key or a unique constraint of ${names} alone`
    : `has no primary key and no unique constraint of exactly ${names}, the primary key of the entity. Create one`;
}

/** The error for the application. */
export function unfit({ entity, schema, name }: Table, why: string): SpillwayError {
  return new SpillwayError(
    'ENTITY_UNSUPPORTED',
    `${entity} cannot be written behind: "${schema}"."${name}" ${why}; or let MikroORM write the entity itself, with @WriteThrough or without a decorator`,
  );
}

function isSame(columns: readonly string[], wanted: readonly string[]): boolean {
  return columns.length === wanted.length && wanted.every((name) => columns.includes(name));
}
