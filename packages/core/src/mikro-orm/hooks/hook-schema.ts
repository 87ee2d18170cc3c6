import type { MikroORM } from '@mikro-orm/core';
import type { SqlSchemaGenerator } from '@mikro-orm/postgresql';
import { tableOf, tableText } from '../../change/row-key.js';
import type { EmptyScope } from '../../staging/look-side.js';
import type { Table } from '../../sink/table.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { EngineTables } from '../engine.js';
import { incompatible } from '../contract/assert-orm.js';
import { MOVE_METHODS, type SCHEMA_METHODS } from '../contract/methods.js';
import type { OrmMoves } from './orm-moves.js';
import { replaceMethod } from './replace-method.js';

const GENERATOR = '@mikro-orm/schema-generator';

interface SchemaHooks {
  readonly types: TypeRegistry;
  readonly tables: EngineTables;
  readonly moves: OrmMoves;
  /** Runs afterwards: the sequences of the tables may have begun anew. */
  readonly emptied: () => Promise<void>;
}

/** The tables that a call clears or drops; `undefined` if it leaves the write-behind ones alone. */
type ScopeOf = (generator: SqlSchemaGenerator, ...parameters: never[]) => Promise<EmptyScope | undefined>;
type Method = (...parameters: never[]) => Promise<unknown>;
type SchemaMethod = (typeof SCHEMA_METHODS)[number];

/**
 * A schema generator that clears or drops tables would leave their pending rows to be written afterwards, so these rows
 * are thrown away first. The generator's other methods, `create` and `update` among them, stay as they are.
 */
export function hookSchema(orm: MikroORM, hooks: SchemaHooks): void {
  const { config } = orm;
  const platform = orm.driver.getPlatform();
  const extension = config.getExtension.bind(config);
  const generator = platform.getSchemaGenerator.bind(platform);
  const probe = {};
  let answer: () => unknown = () => probe;
  config.getExtension = (name: string) => (name === GENERATOR ? (answer() as never) : extension(name));
  if ((orm.schema as unknown) !== probe)
    throw incompatible('orm.schema is not the schema generator of its configuration');
  answer = () => hooked(extension(GENERATOR), orm, hooks);
  platform.getSchemaGenerator = (...parameters) => hooked(generator(...parameters), orm, hooks);
}

const HOOKED: unique symbol = Symbol('spillway.hooked');

function hooked<T>(generator: T, orm: MikroORM, { types, tables, moves, emptied }: SchemaHooks): T {
  if (typeof generator !== 'object' || generator === null || HOOKED in generator) return generator;
  for (const [name, scopeOf] of Object.entries(scopes(orm, types, tables))) {
    const method: unknown = Reflect.get(generator, name);
    if (typeof method !== 'function') throw incompatible(`its schema generator has no method ${name}()`);
    const call = method.bind(generator) as Method;
    const replacement: Method = async (...parameters) => {
      const scope = await scopeOf(generator as never, ...parameters);
      if (scope === undefined) return call(...parameters);
      await tables.empty(scope);
      try {
        return await call(...parameters);
      } finally {
        await emptied();
      }
    };
    Object.assign(generator, { [name]: replacement });
  }
  for (const name of MOVE_METHODS)
    replaceMethod<Method>(generator, name, (call) => {
      const move: Method = call.bind(generator);
      return async (...parameters) => moves.during(async () => move(...parameters));
    });
  return Object.defineProperty(generator, HOOKED, { value: true });
}

/**
 * The scope of each method. A method that calls another of them (`refresh` calls `drop`) empties twice, which is
 * harmless.
 */
function scopes(orm: MikroORM, types: TypeRegistry, spillway: EngineTables): Readonly<Record<SchemaMethod, ScopeOf>> {
  const leftOut = orm.driver.getPlatform().getDefaultSchemaName() ?? 'public';
  const defaultSchema = orm.config.get('schema') ?? leftOut;
  const everything: EmptyScope = { kind: 'all' };
  const own = (): readonly Table[] => types.inAnyMode.map(({ table }) => table);
  const scopeOf = (tables: readonly Table[]): EmptyScope | undefined =>
    tables.length === 0 ? undefined : { kind: 'tables', tables: tables.map((table) => tableOf({ table })) };
  /** Compares the schema that a table is in: only the search path knows where the default one is. */
  const inFact = async (isGone: (table: Table, schema: string) => boolean): Promise<EmptyScope | undefined> => {
    if (own().length === 0) return undefined;
    const schemas = await spillway.schemasOf(own());
    return scopeOf(own().filter((table) => isGone(table, schemas.get(table) ?? table.schema)));
  };
  /** The generator's own choice, by the metadata: without the tables that it is set to skip. */
  const ofGenerator = (generator: SqlSchemaGenerator, asked: string | undefined): EmptyScope | undefined => {
    const theirs = new Set(
      generator
        .getTargetSchema(asked)
        .getTables()
        .map((table) => tableText({ schema: table.schema ?? defaultSchema, table: table.name })),
    );
    return scopeOf(own().filter((table) => theirs.has(tableText(tableOf({ table })))));
  };
  const dropped: ScopeOf = async (generator, options?: { readonly schema?: string; readonly dropDb?: boolean }) => {
    if (types.inAnyMode.length === 0) return undefined;
    return options?.dropDb ? everything : ofGenerator(generator, options?.schema);
  };
  return {
    clear: async (generator, options?: { readonly schema?: string; readonly truncate?: boolean }) =>
      types.inAnyMode.length === 0
        ? undefined
        : ofGenerator(generator, options?.schema ?? (options?.truncate === false ? undefined : defaultSchema)),
    drop: dropped,
    refresh: dropped,
    dropDatabase: async (_, name?: string) =>
      types.inAnyMode.length > 0 && (name ?? orm.config.get('dbName')) === orm.config.get('dbName')
        ? everything
        : undefined,
    dropNamespace: async (_, name?: string) => inFact((__, schema) => schema === name),
    dropTableIfExists: async (_, name?: string, asked: string = defaultSchema) =>
      inFact((table, schema) => table.name === name && (asked === leftOut ? table.schema : schema) === asked),
  };
}
