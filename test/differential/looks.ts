/**
 * Somebody changes a row and flushes, and somebody else reads it at once by a way that the arguments of the query
 * hardly tell: through a view, through a relation to rows of several types, or through a filter.
 */
import type { Rows } from './rows.js';
import type { Act, Query, Target, Values } from './steps.js';
import { NAMES, whole } from './values.js';

/** Each list of acts is a flush of its own; the last one is what is looked for. */
export interface Look {
  readonly flushes: readonly (readonly Act[])[];
  readonly query: Query;
}

export function lookOf(rows: Rows): Look | undefined {
  return rows.one([throughView, throughSubject, throughSubject, throughCourse, throughClub])(rows);
}

const QUERIED = { ask: 'find' } as const;

function throughView(rows: Rows): Look {
  const { person, flushes } = somePerson(rows);
  const cat = rows.newTarget('Cat') as Target;
  const change: Act = { do: 'create', target: cat, values: { ...whole(rows, 'Cat'), owner: { $row: person } } };
  const few = { pets: { $lte: rows.below(3) } };
  const query = rows.one<Query>([
    { kind: 'Person', where: {}, populate: ['figures'], ...QUERIED },
    { kind: 'Person', where: { figures: few }, ...QUERIED },
    { kind: 'Person', where: { figures: few }, ask: 'count' },
    { kind: 'Passport', where: {}, populate: ['holder.figures'], ...QUERIED },
    { kind: 'Note', where: { person: { figures: few } }, ...QUERIED },
    { kind: 'Census', where: {}, populate: ['person'], ...QUERIED },
  ]);
  return { flushes: [...flushes, [change]], query: loaded(rows, query) };
}

function throughSubject(rows: Rows): Look | undefined {
  // MikroORM meets people first, so it is the others that are easily missed.
  const subject = rows.some(rows.one(['Person', 'Passport', 'Club', 'Club'] as const)) ?? rows.some('Person');
  if (!subject) return undefined;
  const note = rows.newTarget('Note') as Target;
  const about: Act = { do: 'create', target: note, values: { ...whole(rows, 'Note'), subject: { $row: subject } } };
  const text = `seen by ${note.tag}`;
  const name = subject.kind === 'Passport' ? 'number' : 'name';
  const query = rows.one<Query>([
    { kind: 'Note', where: {}, populate: ['subject'], ...QUERIED },
    { kind: 'Note', where: { text: { $ne: 'nothing' } }, populate: ['subject'], ...QUERIED },
    { kind: 'Note', where: { subject: { $row: subject } }, populate: ['subject'], ...QUERIED },
    { kind: 'Note', where: { subject: { name: text } }, ...QUERIED },
  ]);
  return { flushes: [[about], [assigned(subject, { [name]: text })]], query: loaded(rows, query) };
}

/** What courses are shown depends on their enrolments. */
function throughCourse(rows: Rows): Look | undefined {
  const old = rows.some('Enrolment');
  const enrolment = old ?? rows.newTarget('Enrolment');
  if (!enrolment) return undefined;
  const course = { kind: 'Course', tag: enrolment.tag.split('+')[1] as string } as const;
  const note = rows.newTarget('Note') as Target;
  const about: Act = { do: 'create', target: note, values: { ...whole(rows, 'Note'), course: { $row: course } } };
  const query = rows.one<Query>([
    { kind: 'Note', where: { course: { open: true } }, ...QUERIED },
    { kind: 'Note', where: { course: { open: true } }, ask: 'count' },
    { kind: 'Note', where: {}, populate: ['course'], ...QUERIED },
    { kind: 'Note', where: {}, ...QUERIED },
    { kind: 'Course', where: {}, ...QUERIED },
  ]);
  const values = { grade: rows.one([0, 0, 5]) };
  const change = old ? assigned(enrolment, values) : ({ do: 'create', target: enrolment, values } as const);
  return { flushes: [[about], [change]], query: loaded(rows, query) };
}

/** What clubs are shown depends on the pets of their founder. */
function throughClub(rows: Rows): Look {
  const { person, flushes } = somePerson(rows);
  const club = rows.newTarget('Club') as Target;
  const founded: Act[] = [
    { do: 'create', target: club, values: { ...whole(rows, 'Club'), founder: { $row: person } } },
    { do: 'collect', target: club, property: 'members', by: 'add', members: [person] },
  ];
  const cat = rows.newTarget('Cat') as Target;
  const values = { ...whole(rows, 'Cat'), name: rows.one(['Bob', 'Bob', 'Ann']), owner: { $row: person } };
  const query = rows.one<Query>([
    { kind: 'Person', where: { clubs: { name: { $in: [...NAMES] } } }, ...QUERIED },
    { kind: 'Person', where: {}, populate: ['clubs'], ...QUERIED },
    { kind: 'Passport', where: { holder: { clubs: { name: { $in: [...NAMES] } } } }, ask: 'count' },
    { kind: 'Club', where: {}, ...QUERIED },
  ]);
  return { flushes: [...flushes, founded, [{ do: 'create', target: cat, values }]], query: loaded(rows, query) };
}

function somePerson(rows: Rows): { readonly person: Target; readonly flushes: readonly Act[][] } {
  const old = rows.some('Person');
  if (old) return { person: old, flushes: [] };
  const person = rows.newPerson();
  return { person, flushes: [[{ do: 'create', target: person, values: whole(rows, 'Person') }]] };
}

function assigned(target: Target, values: Values): Act {
  return { do: 'assign', target, values };
}

/** With the filters that are on by default, most of the time, and by any strategy. */
function loaded(rows: Rows, query: Query): Query {
  return {
    ...query,
    ...(query.ask !== 'count' && { strategy: rows.one(['joined', 'joined', 'select-in', 'balanced'] as const) }),
    ...(rows.chance(0.2) && { filters: false }),
  };
}
