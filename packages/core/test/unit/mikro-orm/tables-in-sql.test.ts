import { describe, expect, test } from 'vitest';
import { tablesIn } from '../../../src/mikro-orm/read/tables-in-sql.js';

const named = (sql: string): string[] =>
  tablesIn(sql).map(({ schema, name }) => (schema === undefined ? name : `${schema}.${name}`));

describe('the tables of a statement', () => {
  test.each([
    ['of a query', 'select "b".* from "book" as "b" where "b"."title" = ?', ['book']],
    [
      'of joins, in parentheses too',
      'select 1 from "book" as "b" left join ("tag" as "t" inner join "word" as "w" on "w"."id" = "t"."w") on true',
      ['book', 'tag', 'word'],
    ],
    [
      'of subqueries',
      'select (select count(*) from "copy" c where c.book_id = b.id) as n from book b where exists (select 1 from tag)',
      ['copy', 'book', 'tag'],
    ],
    [
      'of a list, and none of the columns',
      'select a.x, b.y from a, b as c, lateral (select 1) d, only e',
      ['a', 'b', 'e'],
    ],
    ['with their schemas', 'select 1 from "audit"."entry" as "e", other.db.entry', ['audit.entry', 'db.entry']],
    ['of a union', 'select id from a where x in (?, ?) union all (select id from b)', ['a', 'b']],
    ['of a common table expression', 'with c as (select * from a) select * from c join b on true', ['a', 'c', 'b']],
    [
      'of an update',
      'update "book" set "order" = ? from "tag" where "id" in (select "id" from "list")',
      ['book', 'tag', 'list'],
    ],
    ['of a delete', 'delete from "book" using "tag" where "book"."id" = "tag"."id" returning "order"', ['book', 'tag']],
    ['of an insert', 'insert into "book" ("id", "title") select "id", "title" from "old"', ['book', 'old']],
    [
      'that bear the names of keywords',
      'select "from"."order" from "order" as "from" order by "group", "user"',
      ['order'],
    ],
    ['with a quote in their name', 'select 1 from "a""b"', ['a"b']],
    ['in whatever case', 'SELECT 1 FROM Book JOIN "Tag" ON true', ['book', 'Tag']],
    ['after a number', 'select 1.5 from a where x > .5 and y in (select 2. from b)', ['a', 'b']],
    ['of a lock', 'select 1 from "book" as "b" where "b"."id" = ? for update of "b" skip locked', ['book', 'of']],
  ])('%s', (_, sql, tables) => {
    expect(named(sql)).toEqual(tables);
  });

  test.each([
    ["select 'it''s from tag' from book"],
    [String.raw`select E'it\'s from tag' from book`],
    ['select $$ from tag $$ from book'],
    ['select $q$ from $$ tag $q$ from book'],
    ['select 1 -- from tag\n from book'],
    ['select 1 /* from tag */ from/* x */book'],
    ['select a is distinct from tag, b from book'],
    ['select "x from tag" from book'],
  ])('are not those that stand in a literal or a comment: %s', (sql) => {
    expect(named(sql)).toEqual(['book']);
  });
});
