import { defineEntity, p } from '@mikro-orm/postgresql';
import { WriteBehind } from '../../../src/index.js';

/**
 * Entities that reach each other in every way that MikroORM has. No table is named like anything else, so that a
 * statement that reads one has its name in it, and no other statement has.
 */

const Country = defineEntity({
  name: 'Country',
  tableName: 'qa_country',
  properties: { id: p.integer().primary(), title: p.string(), isOpen: p.boolean().default(true) },
});
const Address = defineEntity({
  name: 'Address',
  embeddable: true,
  properties: { street: p.string().nullable(), country: () => p.manyToOne(Country).nullable() },
});
const Author = defineEntity({
  name: 'Author',
  tableName: 'qa_author',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    address: () => p.embedded(Address),
    books: () => p.oneToMany(Book).mappedBy('author').orderBy({ id: 'asc' }),
    profile: () => p.oneToOne(Profile).mappedBy('author').nullable(),
    stats: () => p.oneToOne(Stats).mappedBy('author').nullable(),
    version: p.integer().version(),
  },
});
const Profile = defineEntity({
  name: 'Profile',
  tableName: 'qa_profile',
  properties: {
    id: p.integer().primary(),
    bio: p.string(),
    author: () => p.oneToOne(Author).inversedBy('profile').owner(),
  },
});
/** A view: nobody can see from its columns what it reads. */
const Stats = defineEntity({
  name: 'Stats',
  tableName: 'qa_stats',
  view: true,
  expression: `select a.id as author_id, a.id, count(b.id)::int as books, coalesce(max(s.place), '') as place
    from qa_author a left join qa_book b on b.author_id = a.id left join qa_shelf s on s.id = b.shelf_id group by a.id`,
  properties: {
    id: p.integer().primary(),
    books: p.integer(),
    place: p.string(),
    author: () => p.oneToOne(Author).inversedBy('stats').owner(),
  },
});
const Shelf = defineEntity({
  name: 'Shelf',
  tableName: 'qa_shelf',
  properties: {
    id: p.integer().primary(),
    place: p.string(),
    owner: () => p.manyToOne(Author).nullable(),
    books: () => p.oneToMany(Book).mappedBy('shelf').orderBy({ id: 'asc' }),
  },
  filters: {
    open: { name: 'open', cond: { owner: { address: { country: { isOpen: true } } } }, default: false },
  },
});
const Book = defineEntity({
  name: 'Book',
  tableName: 'qa_book',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    author: () => p.manyToOne(Author),
    shelf: () => p.manyToOne(Shelf).nullable(),
    tags: () => p.manyToMany(Tag),
    reviews: () => p.oneToMany(Review).mappedBy('book').orderBy({ id: 'asc' }),
    labels: () => p.oneToMany(Label).mappedBy('book').orderBy({ id: 'asc' }),
    copies: p
      .integer()
      .nullable()
      .formula((columns) => `(select count(*)::int from qa_copy c where c.book_id = ${String(columns.id)})`)
      .lazy(),
    version: p.integer().version(),
  },
  filters: {
    // On by default: whoever joins books reads their labels too, which nothing in the query says.
    shown: { name: 'shown', cond: { labels: { $none: { text: 'hidden' } } }, default: true },
  },
});
const Copy = defineEntity({
  name: 'Copy',
  tableName: 'qa_copy',
  properties: {
    id: p.integer().primary(),
    book: () => p.manyToOne(Book),
    shelf: () => p.manyToOne(Shelf).nullable(),
    note: p.string().default(''),
    place: p.string().formula((columns) => `(select s.place from qa_shelf s where s.id = ${String(columns.shelf)})`),
  },
});
const Label = defineEntity({
  name: 'Label',
  tableName: 'qa_label',
  properties: { id: p.integer().primary(), text: p.string(), book: () => p.manyToOne(Book) },
});
const Tag = defineEntity({
  name: 'Tag',
  tableName: 'qa_tag',
  properties: { id: p.integer().primary(), word: p.string(), books: () => p.manyToMany(Book).mappedBy('tags') },
});
/** Plain. */
const Review = defineEntity({
  name: 'Review',
  tableName: 'qa_review',
  properties: { id: p.integer().primary(), stars: p.integer(), book: () => p.manyToOne(Book).nullable() },
});
/** Plain, and refers to rows of several types. */
const Comment = defineEntity({
  name: 'Comment',
  tableName: 'qa_comment',
  properties: {
    id: p.integer().primary(),
    body: p.string(),
    subject: () => p.manyToOne([Author, Shelf, Tag]),
  },
});
const Animal = defineEntity({
  name: 'Animal',
  tableName: 'qa_animal',
  abstract: true,
  discriminatorColumn: 'kind',
  properties: {
    id: p.integer().primary(),
    kind: p.enum(['dog', 'cat']),
    name: p.string(),
    keeper: () => p.manyToOne(Author).nullable(),
  },
});
const Dog = defineEntity({ name: 'Dog', extends: Animal, discriminatorValue: 'dog', properties: {} });
const Cat = defineEntity({ name: 'Cat', extends: Animal, discriminatorValue: 'cat', properties: {} });

export { Animal, Author, Book, Comment, Copy, Country, Dog, Label, Profile, Review, Shelf, Stats, Tag };

export const BEHIND = [Country, Author, Profile, Shelf, Book, Copy, Label, Tag, Animal] as const;
for (const { class: entity } of BEHIND) WriteBehind()(entity as never);

export const ALL = [
  Country,
  Address,
  Author,
  Profile,
  Stats,
  Shelf,
  Book,
  Copy,
  Label,
  Tag,
  Review,
  Comment,
  Animal,
  Dog,
  Cat,
] as const;
