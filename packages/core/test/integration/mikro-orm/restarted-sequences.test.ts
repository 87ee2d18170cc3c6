import { defineEntity, p } from '@mikro-orm/postgresql';
import { beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

const Numbered = defineEntity({
  name: 'Numbered',
  properties: { id: p.integer().primary(), name: p.string(), version: p.integer().version() },
});
WriteBehind({})(Numbered.class as never);

const warnings: string[] = [];
const own = stagingOrm([Numbered], { logger: (message) => void warnings.push(message) });

async function make(count: number, name: string): Promise<number[]> {
  const em = own.orm.em.fork();
  const rows = Array.from({ length: count }, () => em.create(Numbered, { name } as never));
  await em.flush();
  return rows.map(({ id }) => id);
}

async function sql(text: string): Promise<readonly { id: number }[]> {
  return own.orm.em.fork().getConnection().execute(text);
}

async function expectAllThere(rows: number): Promise<void> {
  await Spillway.of(own.orm).drain();
  expect(await Spillway.of(own.orm).deadLetters.list()).toEqual([]);
  expect(await sql('select id from numbered')).toHaveLength(rows);
}

describe.each([
  ['truncate numbered restart identity'],
  ['drop table numbered; create table numbered (id serial primary key, name text, version int not null default 1)'],
])('after %s, under a live ORM', (restart) => {
  beforeEach(async () => {
    await own.orm.schema.refresh();
    warnings.length = 0;
    await make(10, 'before');
    await Spillway.of(own.orm).drain();
    await sql(restart);
  });

  test('numbers that were dropped are taken anew, and nothing collides with rows that are inserted by SQL', async () => {
    Spillway.of(own.orm).forgetNumbers();
    expect(await sql("insert into numbered (name, version) values ('sql', 1) returning id")).toEqual([{ id: 1 }]);
    expect(await make(3, 'after')).toEqual([2, 3, 4]);
    expect(warnings).toEqual([]);
    await expectAllThere(4);
  });

  test('it is noticed when a block is taken: what is left of the old one is dropped, and no number comes twice', async () => {
    const old = await make(5, 'after, from the old block');
    expect(old).toEqual([11, 12, 13, 14, 15]);
    const more = await make(300, 'after, from both');
    expect(warnings).toEqual([
      expect.stringMatching(/sequence of public\.numbered\.id \(Numbered\) has begun anew .*forgetNumbers\(\)/),
    ]);
    const again = await make(300, 'after, from new ones');
    const all = [...old, ...more, ...again];
    expect(new Set(all).size).toBe(all.length);
    await expectAllThere(all.length);
  });
});
