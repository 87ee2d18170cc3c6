import { defineEntity, p, type InferEntity } from '@mikro-orm/postgresql';

/** The row of all measurements but one: eight properties beside its key and its version. */
export const Item = defineEntity({
  name: 'Item',
  properties: {
    id: p.integer().primary(),
    title: p.text(),
    note: p.text(),
    price: p.decimal('string').precision(12).scale(2),
    weight: p.double(),
    stock: p.integer(),
    views: p.integer(),
    isListed: p.boolean(),
    changedAt: p.datetime(),
    version: p.integer().version(),
  },
});

export type Item = InferEntity<typeof Item>;

/** The eight properties. */
export type ItemValues = Omit<Item, 'id' | 'version' | symbol>;

/** The table, made by plain SQL, so that it is the same for all sides. */
export const tableOfItems = `
  create table item (
    id int primary key,
    title text not null,
    note text not null,
    price numeric(12, 2) not null,
    weight double precision not null,
    stock int not null,
    views int not null,
    is_listed boolean not null,
    changed_at timestamptz not null,
    version int not null default 1
  )`;

/** The type of each column that `json_to_recordset` reads, in order. */
export const columnsOfItems = {
  title: 'text',
  note: 'text',
  price: 'numeric',
  weight: 'double precision',
  stock: 'int',
  views: 'int',
  is_listed: 'boolean',
  changed_at: 'timestamptz',
} as const;

const firstChange = Date.UTC(2026, 0, 1);

/** What a row has after so many turns. All eight values differ from those of the turn before. */
export function itemValues(id: number, turn: number): ItemValues {
  return {
    title: `Item ${id}, as it was written in turn ${turn}`,
    note: `note ${(id * 31 + turn) % 9_973} on a row that somebody edits`,
    price: `${(id + turn) % 1_000}.${String(turn % 100).padStart(2, '0')}`,
    weight: id + turn / 4,
    stock: (id % 100) + turn,
    views: (id % 50) + turn,
    isListed: turn % 2 === 0,
    changedAt: new Date(firstChange + turn * 1_000 + (id % 1_000)),
  };
}

/** The same for a statement: columns instead of properties. */
export function columnsOf(values: ItemValues): Readonly<Record<keyof typeof columnsOfItems, unknown>> {
  const { isListed, changedAt, ...rest } = values;
  return { ...rest, is_listed: isListed, changed_at: changedAt };
}
