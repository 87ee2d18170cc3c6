import type { MikroORM } from '@mikro-orm/postgresql';
import { comparable, Numbers, sorted } from './compare.js';
import type { Seen } from './observe.js';

/** Children first, so that they can be emptied in this order. */
const TABLES = ['club_members', 'note', 'enrolment', 'passport', 'pet', 'club', 'page', 'course', 'person'];
/** Columns that hold numbers from a sequence, and the table that it numbers. */
const NUMBERED: Readonly<Record<string, string>> = {
  'pet.id': 'pet',
  'course.id': 'course',
  'note.id': 'note',
  'note.course_id': 'course',
  'enrolment.course_id': 'course',
};
/** A version that is a moment is another one in each world. */
const MOMENTS = ['passport.changed_at'];

type Row = Readonly<Record<string, Seen>>;

/** Every row of every table, all columns. */
export async function tablesOf(orm: MikroORM, reborn: ReadonlySet<string>): Promise<Seen> {
  const selects = TABLES.map((table) => `select '${table}' as name, to_jsonb(t) as content from "${table}" as t`);
  const rows: { name: string; content: Row }[] = await orm.em.getConnection().execute(selects.join(' union all '));
  const numbers = new Numbers();
  for (const { name, content } of rows)
    if (typeof content['tag'] === 'string') numbers.learn(name, content['id'], content['tag']);
  const tables: Record<string, Seen[]> = {};
  for (const { name, content } of rows) {
    const columns = Object.entries(content).map(([column, value]): [string, Seen] => {
      const place = `${name}.${column}`;
      const numbered = NUMBERED[place];
      if (MOMENTS.includes(place)) return [column, 'a moment'];
      return [column, numbered === undefined || value === null ? value : { $number: [numbered, value] }];
    });
    (tables[name] ??= []).push(comparable(Object.fromEntries(columns), numbers, reborn));
  }
  return Object.fromEntries(Object.entries(tables).map(([name, list]) => [name, sorted(list)]));
}

export async function emptyTables(orm: MikroORM): Promise<void> {
  for (const table of TABLES) await orm.em.getConnection().execute(`delete from "${table}"`);
}
