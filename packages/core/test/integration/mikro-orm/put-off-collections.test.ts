import { Collection, EntitySchema } from '@mikro-orm/postgresql';
import { beforeEach, describe, test } from 'vitest';
import { twinFamilies } from './twins.js';

interface Book {
  id: number;
  tags: Collection<Tag>;
}

interface Tag {
  id: number;
  books: Collection<Book>;
}

/** Their collections are made by their constructors, as decorated classes make them, and not by MikroORM. */
function family(prefix: string) {
  const classes = {
    [`${prefix}Book`]: class {
      id!: number;
      tags = new Collection<Tag>(this);
    },
    [`${prefix}Tag`]: class {
      id!: number;
      books = new Collection<Book>(this);
    },
  };
  const [BookClass, TagClass] = Object.values(classes) as [new () => Book, new () => Tag];
  const Book: EntitySchema<Book> = new EntitySchema<Book>({
    class: BookClass,
    properties: {
      id: { type: 'integer', primary: true },
      tags: { kind: 'm:n', entity: () => Tag, inversedBy: 'books', cascade: [] },
    },
  });
  const Tag: EntitySchema<Tag> = new EntitySchema<Tag>({
    class: TagClass,
    properties: {
      id: { type: 'integer', primary: true },
      books: { kind: 'm:n', entity: () => Book, mappedBy: 'tags', cascade: [] },
    },
  });
  return { Book, Tag };
}

type Family = ReturnType<typeof family>;

const FAMILIES = [
  ['written behind', twinFamilies(family)],
  ['of a plain entity', twinFamilies(family, (name) => (name === 'Tag' ? {} : undefined))],
  ['with plain members', twinFamilies(family, (name) => (name === 'Book' ? {} : undefined))],
] as const;

let base = 0;
beforeEach(() => void (base += 10));

type Instance<Schema> = Schema extends EntitySchema<infer Entity> ? Entity : never;

function made<Schema extends EntitySchema>(schema: Schema, id: number): Instance<Schema> {
  const Class = schema.class as unknown as new () => Instance<Schema> & { id: number };
  return Object.assign(new Class(), { id });
}

describe.each(FAMILIES)('a collection %s that its entity has made', (_which, both) => {
  test('is written where MikroORM puts off the other side of it', async () => {
    await both.expectSame(async (em, entities: Family) => {
      const books = [0, 1, 2].map((more) => made(entities.Book, base + more));
      const tags = [0, 1, 2].map((more) => made(entities.Tag, base + more));
      books[0]?.tags.add(tags[0] as Tag, tags[2] as Tag);
      books[1]?.tags.add(tags[0] as Tag, tags[1] as Tag);
      books[2]?.tags.add(tags[1] as Tag, tags[2] as Tag);
      for (const book of books) em.persist(book);
      await em.flush();
    });
  });
});
