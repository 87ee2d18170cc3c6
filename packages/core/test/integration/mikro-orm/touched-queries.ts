import { raw, type EntityManager } from '@mikro-orm/postgresql';
import {
  Animal,
  Author,
  Book,
  Comment,
  Copy,
  Country,
  Dog,
  Label,
  Profile,
  Review,
  Shelf,
  Tag,
} from './touched-entities.js';

/** Queries that a seed makes. */
export interface RandomQuery {
  readonly kind: string;
  readonly text: string;
  readonly run: (em: EntityManager) => Promise<unknown>;
}

type Pick = <T>(from: readonly T[]) => T;
type Where = Record<string | symbol, unknown>;

interface Node {
  readonly entity: { readonly meta: { readonly className: string } };
  /** Conditions on its own columns. */
  readonly own: readonly Where[];
  /** Relations that conditions and orders may go through, with those that are collections. */
  readonly to: Readonly<Record<string, () => Node>>;
  readonly many?: readonly string[];
  readonly populate: readonly string[];
}

const country: Node = { entity: Country, own: [{ title: 'new' }], to: {}, populate: [] };
const author: Node = {
  entity: Author,
  own: [{ name: 'new' }, { address: { street: 'old' } }],
  to: {
    books: () => book,
    profile: () => profile,
    stats: () => ({ entity: Author, own: [{ place: 'hall' }, { books: { $gt: 0 } }], to: {}, populate: [] }),
    address: () => ({ entity: Country, own: [{ street: 'old' }], to: { country: () => country }, populate: [] }),
  },
  many: ['books'],
  populate: ['books', 'profile', 'stats', 'address.country', 'books.tags', 'books.shelf.owner', 'books.labels'],
};
const profile: Node = {
  entity: Profile,
  own: [{ bio: 'new' }],
  to: { author: () => author },
  populate: ['author', 'author.books', 'author.address.country'],
};
const shelf: Node = {
  entity: Shelf,
  own: [{ place: 'hall' }],
  to: { owner: () => author, books: () => book },
  many: ['books'],
  populate: ['owner', 'books', 'books.author.profile'],
};
const book: Node = {
  entity: Book,
  own: [{ title: 'new' }, { copies: { $gte: 0 } }],
  to: { author: () => author, shelf: () => shelf, tags: () => tag, reviews: () => review, labels: () => label },
  many: ['tags', 'reviews', 'labels'],
  populate: ['author', 'shelf', 'tags', 'reviews', 'labels', 'copies', 'author.stats', 'author.address.country'],
};
const copy: Node = {
  entity: Copy,
  own: [{ place: 'hall' }, { note: '' }],
  to: { book: () => book, shelf: () => shelf },
  populate: ['book', 'shelf', 'book.author', 'book.copies'],
};
const label: Node = {
  entity: Label,
  own: [{ text: 'shown' }],
  to: { book: () => book },
  populate: ['book', 'book.author'],
};
const tag: Node = {
  entity: Tag,
  own: [{ word: 'new' }],
  to: { books: () => book },
  many: ['books'],
  populate: ['books', 'books.author', 'books.tags'],
};
const review: Node = {
  entity: Review,
  own: [{ stars: { $gte: 1 } }],
  to: { book: () => book },
  populate: ['book', 'book.author', 'book.shelf', 'book.tags'],
};
const comment: Node = { entity: Comment, own: [{ body: { $ne: 'x' } }], to: {}, populate: ['subject'] };
const animal: Node = {
  entity: Animal,
  own: [{ name: 'new' }],
  to: { keeper: () => author },
  populate: ['keeper', 'keeper.books'],
};
const dog: Node = { ...animal, entity: Dog };
const ROOTS = [country, author, profile, shelf, book, copy, label, tag, review, comment, animal, dog];
const NO_COUNT = new Set(['copies']);

const SQL = [
  'exists (select 1 from qa_shelf where place = ?)',
  '(select count(*) from "qa_tag" as "t" where "t"."word" <> ?) >= 0',
  '? in (select w.title from qa_country w, qa_label l)',
];

/** A condition of some depth on an entity. */
function condition(node: Node, pick: Pick, depth: number): Where {
  const relations = Object.keys(node.to);
  const kind = pick(['own', 'own', 'relation', 'relation', 'and', 'or', 'not', 'sql']);
  if (kind === 'sql') return { [raw(pick(SQL), ['hall'])]: [] };
  if (depth === 0 || kind === 'own' || (kind === 'relation' && relations.length === 0)) return pick(node.own);
  if (kind === 'and' || kind === 'or')
    return { [`$${kind}`]: [condition(node, pick, depth - 1), condition(node, pick, depth - 1)] };
  if (kind === 'not') return { $not: condition(node, pick, depth - 1) };
  const name = pick(relations);
  const inner = condition((node.to[name] as () => Node)(), pick, depth - 1);
  if (!node.many?.includes(name)) return { [name]: inner };
  const operator = pick(['', '$some', '$none', '$every']);
  return { [name]: operator === '' ? inner : { [operator]: inner } };
}

function order(node: Node, pick: Pick): Where[] {
  const relations = Object.keys(node.to).filter((name) => !node.many?.includes(name));
  const own = { id: 'asc' };
  if (relations.length === 0 || pick([true, false])) return [own];
  const name = pick(relations);
  const [target] = (node.to[name] as () => Node)().own;
  return [{ [name]: Object.fromEntries(Object.keys(target ?? {}).map((key) => [key, 'asc'])) }, own];
}

/** A query of any kind that there is. */
export function randomQuery(pick: Pick): RandomQuery {
  const node = pick(ROOTS);
  const entity = node.entity as never;
  const where = condition(node, pick, pick([0, 1, 2, 3])) as never;
  const populate = node.populate.filter(() => pick([true, false, false]));
  const strategy = pick(['joined', 'select-in', 'balanced'] as const);
  const filters = pick<unknown>([undefined, undefined, { open: true }, false]);
  const options = {
    ...(filters !== undefined && { filters }),
    ...(populate.length > 0 && { populate }),
    strategy,
  };
  const countable = { ...options, populate: populate.filter((name) => !NO_COUNT.has(name)) };
  const orderBy = order(node, pick) as never;
  const paged = { ...options, orderBy, ...(pick([true, false]) && { limit: 3, offset: 1 }) };
  const [relation] = Object.keys(node.to);
  const populateWhere =
    relation === undefined ? {} : { [relation]: condition((node.to[relation] as () => Node)(), pick, 0) };
  const populateFilter =
    relation === undefined ? {} : { [relation]: condition((node.to[relation] as () => Node)(), pick, 1) };
  const runs: Record<string, RandomQuery['run']> = {
    find: async (em) => em.find(entity, where, paged as never),
    findOne: async (em) => em.findOne(entity, where, { ...options, orderBy } as never),
    count: async (em) => em.count(entity, where, countable as never),
    stream: async (em) => {
      let seen = 0;
      for await (const _ of em.stream(entity, { ...options, where, orderBy } as never)) seen += 1;
      return seen;
    },
    cursor: async (em) => em.findByCursor(entity, { ...options, where, first: 2, orderBy: { id: 'asc' } } as never),
    populate: async (em) => em.populate(await em.find(entity, where), populate as never),
    key: async (em) => em.find(entity, [1, 2, 3] as never, options as never),
    populateWhere: async (em) => em.find(entity, where, { ...paged, populateWhere } as never),
    populateFilter: async (em) => em.find(entity, where, { ...paged, populateFilter } as never),
    union: async (em) => em.find(entity, {}, { ...paged, unionWhere: [where, pick(node.own)] } as never),
    countBy: async (em) => em.countBy(entity, 'id' as never, { where }),
    update: async (em) => em.nativeUpdate(Review, { book: condition(book, pick, 1) }, { stars: 2 }),
    delete: async (em) => em.nativeDelete(Review, { id: -1, book: condition(book, pick, 1) }),
    matching: async (em) => em.getReference(Book, 1).tags.matching({ where: condition(tag, pick, 1) }),
    loadCount: async (em) => em.getReference(Book, 1).labels.loadCount({ where: condition(label, pick, 2) as never }),
  };
  const kind = pick(['find', 'find', 'find', ...Object.keys(runs)]);
  const text = `${node.entity.meta.className}.${kind} ${JSON.stringify([Object.keys(where), where, { ...paged, populateWhere, populateFilter }])}`;
  return { kind, text, run: runs[kind] as RandomQuery['run'] };
}
