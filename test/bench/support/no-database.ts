import { MikroORM } from '@mikro-orm/postgresql';
import type { Ground } from '../process/side.js';
import { scaled } from './callers.js';
import { columnsOfItems, Item } from './item.js';
import { Items } from './items.js';
import type { OrmStand } from './stands.js';

/** A row as MikroORM's driver answers it: by property, in database form. */
type Row = Record<string, unknown>;
interface OneRow {
  readonly id: number;
  readonly version?: number;
}
/** What MikroORM asks for here: a key, some keys, or rows of known versions. */
type Where = number | OneRow | { readonly id: { readonly $in: readonly number[] } } | { readonly $or: OneRow[] };

/**
 * MikroORM as it is, upon a driver that answers at once, from memory: no SQL is made, and nothing leaves the process.
 * The rest is MikroORM's own work, which every layer below it has above itself. No such layer can be faster.
 */
export async function noDatabase(ground: Ground, rows: number): Promise<OrmStand> {
  const items = await Items.make(ground.databaseUrl, scaled(ground, rows));
  const orm = await MikroORM.init({ entities: [Item], clientUrl: ground.databaseUrl });
  const table = await readAll(orm);
  answerFrom(table, orm);
  return {
    items,
    orm,
    written: () => Promise.resolve(),
    async check() {
      const names = Object.keys(columnsOfItems) as (keyof typeof columnsOfItems)[];
      for (const [id, row] of table) for (const name of names) items.checkValue(id, name, row[propertyOf(name)]);
    },
    async close() {
      await orm.close();
      await items.close();
    },
  };
}

async function readAll(orm: MikroORM): Promise<Map<number, Row>> {
  const rows = (await orm.em.getDriver().find(Item.class, {})) as Row[];
  return new Map(rows.map((row) => [row['id'] as number, row]));
}

function answerFrom(table: ReadonlyMap<number, Row>, orm: MikroORM): void {
  const rowOf = ({ id, version }: OneRow): Row | undefined => {
    const row = table.get(id);
    return version === undefined || version === row?.['version'] ? row : undefined;
  };
  const found = (where: Where): Row[] =>
    wanted(where).flatMap((one) => {
      const row = rowOf(one);
      return row ? [{ ...row }] : [];
    });
  const update = (where: Where, data: Row): Row[] =>
    wanted(where).flatMap((one) => {
      const row = rowOf(one);
      if (!row) return [];
      Object.assign(row, data, { version: Number(row['version']) + 1 });
      return [{ id: one.id, version: row['version'] }];
    });
  const driver = {
    find: async (_: unknown, where: Where) => found(where),
    findOne: async (_: unknown, where: Where) => found(where)[0] ?? null,
    async nativeUpdate(_: unknown, where: Where, data: Row) {
      const rows = update(where, data);
      return { affectedRows: rows.length, row: rows[0], rows };
    },
    async nativeUpdateMany(_: unknown, wheres: readonly Where[], data: readonly Row[]) {
      const rows = wheres.flatMap((where, index) => update(where, data[index] ?? {}));
      return { affectedRows: rows.length, row: rows[0], rows };
    },
  };
  Object.assign(orm.em.getDriver(), driver);
  Object.assign(orm.em.getConnection(), {
    transactional: async (act: (ctx: object) => Promise<unknown>) => act({}),
    begin: async () => ({}),
    commit: async () => undefined,
    rollback: async () => undefined,
  });
}

function wanted(where: Where): readonly OneRow[] {
  if (typeof where === 'number') return [{ id: where }];
  if ('$or' in where) return where.$or;
  const { id } = where;
  return typeof id === 'number' ? [{ ...where, id }] : id.$in.map((each) => ({ id: each }));
}

function propertyOf(column: string): string {
  return column.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
