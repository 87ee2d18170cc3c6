/**
 * What the programs work on: one entity of every shape. Each world has classes of its own, because MikroORM keeps what
 * belongs to an ORM in them. Only one of the ORMs looks at policies.
 */
import { defineEntity, p, type EntitySchema } from '@mikro-orm/postgresql';
import { WriteBehind, WriteThrough } from '@spillway/core';

export type Schemas = Readonly<Record<string, EntitySchema>>;

/** Which entities keep copies of rows, and which are written through. */
export interface Modes {
  readonly cached: readonly string[];
  readonly through: readonly string[];
}

/** Figures of every person, from four tables. */
const CENSUS = `select a.id, a.id as person_id,
    (select count(*)::int from pet where owner_id = a.id) as pets,
    (select count(*)::int from person where mentor_id = a.id) as pupils,
    (select count(*)::int from club_members where person_id = a.id) as clubs,
    (select min(name) from pet where owner_id = a.id) as first_pet
  from person a`;

/** Every entity; every one but `Note` and those that are written through is to be written behind. */
export function makeSchemas({ cached, through }: Modes = { cached: [], through: [] }): Schemas {
  const Address = defineEntity({
    name: 'Address',
    embeddable: true,
    properties: { street: p.string(), city: p.string().nullable(), since: p.datetime().length(3).nullable() },
  });

  /** A uuid key and a version; embeddables, json, dates, decimals; refers to its own type; its pets go with it. */
  const Person = defineEntity({
    name: 'Person',
    properties: {
      id: p.uuid().primary(),
      tag: p.string(),
      name: p.string(),
      age: p.integer().default(18),
      email: p.string().nullable().unique(),
      balance: p.decimal().precision(12).scale(2).nullable(),
      born: p.date().nullable(),
      seenAt: p.datetime().length(3).nullable(),
      profile: p.json().nullable(),
      home: () => p.embedded(Address).nullable(),
      work: () => p.embedded(Address).object().nullable(),
      mentor: () => p.manyToOne(Person).nullable(),
      pupils: () => p.oneToMany(Person).mappedBy('mentor'),
      pets: () => p.oneToMany(Pet).mappedBy('owner').orphanRemoval(),
      passport: () => p.oneToOne(Passport).mappedBy('holder').nullable(),
      clubs: () => p.manyToMany(Club).mappedBy('members'),
      figures: () => p.oneToMany(Census).mappedBy('person'),
      version: p.integer().version(),
    },
    filters: {
      grown: { name: 'grown', cond: { age: { $gte: 3 } }, default: false },
      taught: { name: 'taught', cond: { mentor: { age: { $gte: 2 } } }, default: false },
    },
  });

  /** A view, which reads tables that its columns do not tell. */
  const Census = defineEntity({
    name: 'Census',
    tableName: 'census',
    view: true,
    expression: CENSUS,
    properties: {
      id: p.uuid().primary(),
      person: () => p.manyToOne(Person),
      pets: p.integer(),
      pupils: p.integer(),
      clubs: p.integer(),
      firstPet: p.string().nullable(),
    },
  });

  /** Two classes in one table; a key from a sequence; no version. */
  const Pet = defineEntity({
    name: 'Pet',
    abstract: true,
    discriminatorColumn: 'species',
    properties: {
      id: p.integer().primary(),
      tag: p.string().unique(),
      species: p.string(),
      name: p.string(),
      weight: p.double().nullable(),
      owner: () => p.manyToOne(Person),
    },
    filters: { fostered: { name: 'fostered', cond: { owner: { mentor: { age: { $gte: 2 } } } }, default: false } },
  });
  const Cat = defineEntity({
    name: 'Cat',
    extends: Pet,
    discriminatorValue: 'cat',
    properties: { lives: p.integer().default(9) },
  });
  const Dog = defineEntity({
    name: 'Dog',
    extends: Pet,
    discriminatorValue: 'dog',
    properties: { tricks: p.array().nullable() },
  });

  /** A uuid key, a version that is a date, and a unique reference. */
  const Passport = defineEntity({
    name: 'Passport',
    properties: {
      id: p.uuid().primary(),
      tag: p.string(),
      number: p.string(),
      holder: () => p.oneToOne(Person).owner().inversedBy('passport'),
      changedAt: p.datetime().length(3).version(),
    },
  });

  /** A bigint key from a sequence, and a version. */
  const Course = defineEntity({
    name: 'Course',
    properties: {
      id: p.bigint('bigint').primary(),
      tag: p.string().unique(),
      title: p.string(),
      seats: p.smallint().nullable(),
      open: p.boolean().default(true),
      enrolments: () => p.oneToMany(Enrolment).mappedBy('course'),
      version: p.integer().version(),
    },
    // Whoever joins courses reads their enrolments, too, which nothing in a query says.
    filters: { sound: { name: 'sound', cond: { enrolments: { $none: { grade: 0 } } }, default: true } },
  });

  /** Its key is two references, one of them numeric. */
  const Enrolment = defineEntity({
    name: 'Enrolment',
    properties: {
      person: () => p.manyToOne(Person).primary(),
      course: () => p.manyToOne(Course).primary(),
      grade: p.integer().nullable(),
      remark: p.text().nullable(),
    },
  });

  /** Owns a many-to-many relation, and refers to a row that may be in it. */
  const Club = defineEntity({
    name: 'Club',
    properties: {
      id: p.uuid().primary(),
      tag: p.string(),
      name: p.string(),
      founder: () => p.manyToOne(Person).nullable(),
      members: () => p.manyToMany(Person).inversedBy('clubs'),
      version: p.integer().version(),
    },
    filters: {
      led: {
        name: 'led',
        cond: { $or: [{ founder: null }, { founder: { pets: { $none: { name: 'Bob' } } } }] },
        default: true,
      },
    },
  });

  /** A text key, a unique value, and counters. */
  const Page = defineEntity({
    name: 'Page',
    properties: {
      path: p.string().primary(),
      title: p.string().nullable(),
      slug: p.string().nullable().unique(),
      hits: p.integer().default(0),
      score: p.decimal().precision(10).scale(2).default(0),
    },
  });

  /**
   * Carries no policy: MikroORM writes it as always, wherever it is. What it is about is a row of one of three types.
   */
  const Note = defineEntity({
    name: 'Note',
    properties: {
      id: p.integer().primary(),
      tag: p.string().unique(),
      text: p.string(),
      person: () => p.manyToOne(Person).nullable(),
      course: () => p.manyToOne(Course).nullable(),
      subject: () => p.manyToOne([Club, Person, Passport]).nullable(),
    },
  });

  for (const { name, class: entity } of [Person, Pet, Passport, Course, Enrolment, Club, Page]) {
    const cache = cached.includes(name) ? { cache: { ttl: '1m' } } : {};
    const counters = name === 'Page' ? { counters: ['hits', 'score'] } : {};
    if (through.includes(name)) WriteThrough(cache as object)(entity);
    else WriteBehind({ ...cache, ...counters } as object)(entity as never);
  }
  return { Person, Census, Pet, Cat, Dog, Passport, Course, Enrolment, Club, Page, Note };
}
