/** Queries, and the relations that they populate. */
import { signalOrNone } from './calls.js';
import { conditionOf } from './conditions.js';
import { KINDS, type Rows } from './rows.js';
import type { Filters, Query, ReadName } from './steps.js';

export const RELATIONS: Readonly<Record<ReadName, readonly string[]>> = {
  Person: ['mentor', 'pupils', 'pets', 'passport', 'clubs', 'mentor.pets', 'mentor.mentor', 'figures'],
  Census: ['person', 'person.pets'],
  Pet: ['owner', 'owner.mentor', 'owner.figures'],
  Cat: ['owner', 'owner.pets', 'owner.clubs'],
  Dog: ['owner', 'owner.passport'],
  Passport: ['holder', 'holder.pets', 'holder.figures'],
  Course: ['enrolments', 'enrolments.person'],
  Enrolment: ['person', 'course'],
  Club: ['founder', 'members', 'members.pets', 'members.figures'],
  Page: [],
  Note: ['person', 'course', 'person.mentor', 'subject'],
};

const NAMED = ['grown', 'taught', 'fostered', 'led', 'sound'] as const;

/** By which number the rows of a kind are ordered first. */
const MEASURES: Readonly<Partial<Record<ReadName, string>>> = {
  Person: 'age',
  Census: 'pets',
  Course: 'seats',
  Page: 'hits',
};

export function queryOf(rows: Rows): Query {
  const kind = rows.chance(0.2) ? rows.one(['Pet', 'Census'] as const) : rows.one(KINDS);
  const where = conditionOf(rows, kind);
  const asked = rows.one(['find', 'find', 'find', 'count', 'findAndCount', 'findOne'] as const);
  // MikroORM refuses to find one without a condition.
  const ask = asked === 'findOne' && Object.keys(where).length === 0 ? 'find' : asked;
  const filters = filtersOf(rows);
  const options = { ...(filters !== undefined && { filters }), ...signalOrNone(rows) };
  if (ask === 'count' || (kind === 'Enrolment' && ask === 'findOne')) return { kind, where, ask: 'count', ...options };
  const populate = rows.chance(0.5) ? RELATIONS[kind].filter(() => rows.chance(0.4)) : [];
  const isOrdered = kind !== 'Enrolment' && (ask === 'findOne' || rows.chance(0.5));
  const isPaged = isOrdered && rows.chance(0.4);
  return {
    kind,
    where,
    ask,
    ...(isOrdered && { orderBy: orderOf(rows, kind) }),
    ...(isPaged && ask !== 'findOne' && { limit: 1 + rows.below(3), offset: rows.below(2) }),
    ...(populate.length > 0 && { populate, strategy: rows.one(['joined', 'select-in', 'balanced'] as const) }),
    ...(rows.chance(0.15) && { refresh: true }),
    ...options,
  };
}

/** None, those by default, or those by default with one or two others switched on or off. */
export function filtersOf(rows: Rows): Filters | undefined {
  if (rows.chance(0.4)) return false;
  if (rows.chance(0.5)) return undefined;
  const names = NAMED.filter(() => rows.chance(0.4));
  return Object.fromEntries(names.map((name) => [name, rows.chance(0.8)]));
}

function orderOf(rows: Rows, kind: ReadName): NonNullable<Query['orderBy']> {
  const measure = MEASURES[kind];
  const last = kind === 'Page' ? 'path' : kind === 'Census' ? 'id' : 'tag';
  return { ...(measure !== undefined && { [measure]: rows.one(['asc', 'desc'] as const) }), [last]: 'asc' };
}
