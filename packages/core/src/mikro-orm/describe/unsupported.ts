import { ReferenceKind, type EntityMetadata, type EntityProperty, type MetadataStorage } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import { isDocument, isPartOfDocument } from '../values/embedded-value.js';

/** An entity that cannot be written behind, with the reason and the remedy. */
export function unsupported(entity: string, what: string, remedy: string): SpillwayError {
  return new SpillwayError(
    'ENTITY_UNSUPPORTED',
    `${entity} cannot be written behind: ${what}. ${remedy}, or remove the policy of ${entity}.`,
  );
}

/** Refuses features that this version does not map, by name, before anything is staged. */
export function assertSupported(meta: EntityMetadata): void {
  const name = meta.className;
  if (meta.virtual || meta.view)
    throw unsupported(name, 'it is a view or a virtual entity', 'Decorate the entity that the view reads');
  if (meta.inheritanceType === 'tpt' || meta.root.inheritanceType === 'tpt') {
    throw unsupported(
      name,
      'it uses table-per-type inheritance, where one entity is rows of several tables',
      'Use single-table inheritance (a discriminatorColumn), or give it a table of its own',
    );
  }
  if (meta.schema === '*') throw unsupported(name, 'its schema is chosen at run time', 'Name the schema in the entity');
  for (const property of meta.props) assertSupportedProperty(name, property);
  assertOwnColumns(meta);
}

function assertSupportedProperty(entity: string, property: EntityProperty): void {
  const where = `property "${property.name}"`;
  const wide = isDocument(property) ? wideReference(property) : undefined;
  if (wide)
    throw unsupported(
      entity,
      `${where} is a document with a reference to a key of several columns ("${wide}"), which MikroORM does not read back`,
      'Keep the embeddable in columns of its own',
    );
  if (property.persist === false || !hasColumn(property)) return;
  if (property.polymorphic && property.kind !== ReferenceKind.EMBEDDED)
    throw unsupported(entity, `${where} is a polymorphic relation`, 'Use one relation per target');
  if (property.primary && property.generated && property.generated !== 'by default as identity')
    throw unsupported(
      entity,
      `its primary key "${property.name}" is generated always, so that no key can be set`,
      "Declare it as generated: 'by default as identity'",
    );
  if (
    property.customType &&
    'convertToDatabaseValueSQL' in property.customType &&
    property.hasConvertToDatabaseValueSQL
  ) {
    throw unsupported(entity, `${where} is converted by an SQL expression`, 'Convert it in convertToDatabaseValue');
  }
}

/** The path of a reference to a key of several columns in a document, or in one inside of it. */
function wideReference({ embeddedProps }: EntityProperty): string | undefined {
  for (const [name, part] of Object.entries(embeddedProps as Readonly<Record<string, EntityProperty>>)) {
    if (part.kind !== ReferenceKind.EMBEDDED && part.targetMeta?.compositePK) return name;
    const inner = part.kind === ReferenceKind.EMBEDDED ? wideReference(part) : undefined;
    if (inner !== undefined) return `${name}.${inner}`;
  }
  return undefined;
}

/** A row's values are named by property and column, so a column has one property. */
function assertOwnColumns(meta: EntityMetadata): void {
  const owners = new Map<string, EntityProperty>();
  for (const property of meta.props) {
    if (property.persist === false || !hasColumn(property)) continue;
    for (const column of property.fieldNames) {
      const owner = owners.get(column);
      if (owner && (owner.fieldNames.length > 1 || property.fieldNames.length > 1 || owner.primary || property.primary))
        throw unsupported(
          meta.className,
          `properties "${owner.name}" and "${property.name}" share the column ${column}`,
          'Give each its own columns',
        );
      owners.set(column, property);
    }
  }
}

/** Refuses a property that cannot be compared with its column, for a policy that compares loaded values. */
export function assertComparable(meta: EntityMetadata): void {
  const property = meta.props.find((each) => each.hasConvertToJSValueSQL && each.persist !== false && hasColumn(each));
  if (!property) return;
  throw unsupported(
    meta.className,
    `property "${property.name}" is read through an SQL expression, so what was loaded is not what the column holds, and its policy compares the two`,
    "Detect conflicts by version and leave conflict at 'dead-letter', 'overwrite' or 'keep-database'",
  );
}

/** True if the property is a column of this table. An inline embeddable is no column; its properties are. */
export function hasColumn(property: EntityProperty): boolean {
  if (property.formula || isPartOfDocument(property)) return false;
  if (property.kind === ReferenceKind.SCALAR || property.kind === ReferenceKind.MANY_TO_ONE) return true;
  if (property.kind === ReferenceKind.EMBEDDED) return isDocument(property);
  return property.kind === ReferenceKind.ONE_TO_ONE && property.owner;
}

/**
 * MikroORM writes the rows of a pivot table by SQL, even if the pivot table is an entity of its own (`pivotEntity`).
 * This SQL would not see staged changes of that entity.
 * @throws SpillwayError `ENTITY_UNSUPPORTED`
 */
export function assertNoPivotTables(decorated: Iterable<EntityMetadata>, storage: MetadataStorage): void {
  const pivots = new Map<unknown, string>();
  for (const meta of storage.getAll().values()) {
    for (const { pivotEntity, name } of meta.relations) {
      const pivot = pivotEntity && storage.find(pivotEntity);
      if (pivot) pivots.set(pivot.class, `${meta.className}.${name}`);
    }
  }
  for (const meta of decorated) {
    const relation = pivots.get(meta.class);
    if (relation !== undefined)
      throw unsupported(
        meta.className,
        `it is the pivot table of ${relation}, whose rows are written by SQL`,
        'Map that relation as a one-to-many relation to it',
      );
  }
}
