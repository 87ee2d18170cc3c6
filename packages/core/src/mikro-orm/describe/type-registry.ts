import { EntitySchema, Utils, type EntityMetadata, type EntityName } from '@mikro-orm/core';
import { parseRowKey, type RowKey, type TableName, tableOf, tableText } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import { findFollowers, NOBODY_FOLLOWS, type Followers } from './followers.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * The entities with a policy of one ORM, by class and by table. Filled at discovery; empty means that the extension has
 * nothing to do. Questions by class answer entities that are written behind, unless they say otherwise. Questions by
 * row or table answer all entities that may have staged records: an entity that is written through now may have been
 * staged before.
 */
export class TypeRegistry {
  // By class: discovery leaves several metadata objects of one entity about, such as those that relations point to.
  readonly #byClass = new Map<unknown, WriteBehindType>();
  readonly #byTable = new Map<string, WriteBehindType>();
  /**
   * Tables that other releases stage and this process writes by SQL -> their entities there: a class that was renamed
   * has two names. A type among them counts as written behind: readers look at its pending changes, and writers wait
   * for them.
   */
  leaving: ReadonlyMap<string, readonly string[]> = new Map();
  #defaultSchema = 'public';
  #filled = 0;
  #hasCache = false;

  #followers: Followers = NOBODY_FOLLOWS;
  #names = new TableNames([], 'public');

  /**
   * Called once more when the ORM has come to know other entities.
   * @param metas all entities of the ORM, with or without a policy
   * @param defaultSchema of tables that name none
   */
  fill(
    types: readonly WriteBehindType[],
    metas: readonly EntityMetadata[] = [],
    defaultSchema: string = 'public',
  ): void {
    this.#filled += 1;
    this.#hasCache = types.some(({ policy }) => policy.cache);
    this.#byClass.clear();
    this.#byTable.clear();
    for (const type of types) {
      for (const member of Object.values(type.meta.discriminatorMap ?? {})) this.#byClass.set(member, type);
      this.#byClass.set(type.meta.class, type);
      this.#byTable.set(tableText(tableOf(type)), type);
    }
    this.#followers = findFollowers(metas);
    this.#defaultSchema = defaultSchema;
    this.#names = new TableNames(metas, defaultSchema);
  }

  /** The types that a read of this table reads. The tables of a view are not known, so it may read every type. */
  readBy(table: NamedTable): readonly WriteBehindType[] {
    const metas = this.#names.of(table);
    if (metas.some(isSql)) return this.all;
    return metas.map((meta) => this.of(meta)).filter((type) => type !== undefined);
  }

  /** How often the registry has been filled: results from an earlier edition are out of date. */
  get edition(): number {
    return this.#filled;
  }

  /** True if rows of any type are cached. */
  get hasCache(): boolean {
    return this.#hasCache;
  }

  /** The entity, if its rows are cached, in whichever mode it is written. */
  cached(meta: EntityMetadata | undefined): WriteBehindType | undefined {
    const type = this.of(meta) ?? this.through(meta);
    return type?.policy.cache ? type : undefined;
  }

  /**
   * The cached entities whose rows the database itself changes when rows of this one are deleted, or get other keys.
   */
  cachedFollowers(meta: EntityMetadata, renames: boolean): readonly WriteBehindType[] {
    return this.#followersOf(meta, renames)
      .map((follower) => this.cached(follower))
      .filter((type) => type !== undefined);
  }

  /**
   * Types that may have pending records when a row that they refer to goes or gets another key: the database changes
   * their rows too, or refuses the statement because of them.
   */
  pendingFollowers(meta: EntityMetadata, renames: boolean): readonly WriteBehindType[] {
    const followers = renames ? this.#followers.ofRenames : this.#followers.orKeepers;
    return (followers.get(meta.root.class) ?? [])
      .map((follower) => this.of(follower))
      .filter((type) => type !== undefined);
  }

  /**
   * True if the database itself changes rows of any entity, with or without a policy, when rows of this one are
   * deleted, so that a look-up of such a row sees the change. Rows of pivot tables do not count: they are read only
   * together with both sides.
   */
  isFollowed(meta: EntityMetadata): boolean {
    return this.#followersOf(meta, false).some(({ pivotTable }) => !pivotTable);
  }

  #followersOf(meta: EntityMetadata, renames: boolean): readonly EntityMetadata[] {
    const { ofDeletes, ofRenames } = this.#followers;
    return (renames ? ofRenames : ofDeletes).get(meta.root.class) ?? [];
  }

  /** The types that may have pending records: they are written behind, or were until lately. */
  get all(): readonly WriteBehindType[] {
    return this.inAnyMode.filter((type) => this.#isBehind(type));
  }

  /** The names under which other releases stage an entity that has no policy here. */
  strangersOf({ schema, tableName }: EntityMetadata): readonly string[] {
    const table = tableText({ schema: schema ?? this.#defaultSchema, table: tableName });
    return this.#byTable.has(table) ? [] : (this.leaving.get(table) ?? []);
  }

  get inAnyMode(): readonly WriteBehindType[] {
    return [...this.#byTable.values()];
  }

  of(meta: EntityMetadata | undefined): WriteBehindType | undefined {
    const type = this.#known(meta);
    return type && this.#isBehind(type) ? type : undefined;
  }

  /** The same by class alone. */
  ofClass(entityClass: unknown): WriteBehindType | undefined {
    const type = this.#byClass.get(entityClass);
    return type && this.#isBehind(type) ? type : undefined;
  }

  /** The entity, if it is written through. */
  through(meta: EntityMetadata | undefined): WriteBehindType | undefined {
    const type = this.#known(meta);
    return type?.policy.mode === 'through' ? type : undefined;
  }

  #known(meta: EntityMetadata | undefined): WriteBehindType | undefined {
    return meta && (this.#byClass.get(meta.class) ?? this.#byClass.get(meta.root.class));
  }

  #isBehind(type: WriteBehindType): boolean {
    if (type.policy.mode === 'behind') return true;
    return this.leaving.size > 0 && this.leaving.has(tableText(tableOf(type)));
  }

  ofTable(table: TableName): WriteBehindType | undefined {
    return this.#byTable.get(tableText(table));
  }

  ofRow(key: RowKey): WriteBehindType | undefined {
    return this.ofTable(parseRowKey(key));
  }

  /** By class or schema, in any mode. */
  named(entity: EntityName): WriteBehindType | undefined {
    return this.#byClass.get(entity instanceof EntitySchema ? entity.meta.class : entity);
  }

  /** @throws SpillwayError `CONFIG_INVALID` for an entity without a policy. */
  namedOrRefused(entity: EntityName): WriteBehindType {
    const type = this.named(entity);
    if (type) return type;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${Utils.className(entity)} is not written behind. Decorate it with @WriteBehind, or name it in the policies of spillway()`,
    );
  }
}

/** A view or a virtual entity is nothing but SQL. */
export function isSql({ virtual, view, expression }: EntityMetadata): boolean {
  return virtual === true || Boolean(view) || expression !== undefined;
}

/** A table as a statement names it. */
export interface NamedTable {
  readonly schema?: string;
  readonly name: string;
}

/** The entities of an ORM by the names of their tables. */
class TableNames {
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
