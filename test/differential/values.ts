/** What rows are given. */
import type { Rows } from './rows.js';
import type { KindName, Value, Values } from './steps.js';

export const NAMES = ['Ann', 'Bob', "D'Arcy", 'Zoë 🌊', 'a "quoted" \\ name', ''] as const;

/**
 * Texts that PostgreSQL refuses for a column of the type, each a number or a day to somebody. Both worlds have to
 * refuse them at once.
 */
const HOSTILE = {
  integer: ['', 'abc', '7.5', '1e3', '99999999999999999999999'],
  double: ['', 'abc', '12,50', '1e400', '0x'],
  numeric: ['', 'abc', '12,50', '1e20000000'],
  date: ['', 'soon', '31.12.1999'],
} as const;
const HOW_OFTEN = 0.02;

function orHostile(rows: Rows, type: keyof typeof HOSTILE, value: Value): Value {
  return rows.chance(HOW_OFTEN) ? rows.one<string>(HOSTILE[type]) : value;
}

/** All values that a new row of the kind needs, and some that it may have. */
export function whole(rows: Rows, kind: KindName): Values {
  const name = rows.one(NAMES);
  const person = rows.some('Person');
  switch (kind) {
    case 'Person':
      return { name, age: rows.below(8), ...maybe(rows, nullable(rows, kind), 0.3) };
    case 'Cat':
      return {
        name,
        owner: { $row: person ?? rows.newPerson() },
        ...maybe(rows, { ...nullable(rows, kind), lives: rows.below(9) }, 0.5),
      };
    case 'Dog':
      return { name, owner: { $row: person ?? rows.newPerson() }, ...maybe(rows, nullable(rows, kind), 0.5) };
    case 'Passport':
      return { number: `N${rows.below(3)}`, holder: { $row: person ?? rows.newPerson() } };
    case 'Course':
      return { title: name, ...maybe(rows, { ...nullable(rows, kind), open: rows.chance(0.5) }, 0.5) };
    case 'Enrolment':
      return maybe(rows, nullable(rows, kind), 0.6);
    case 'Club':
      return { name, ...maybe(rows, nullable(rows, kind), 0.5) };
    case 'Page':
      return {
        ...maybe(rows, nullable(rows, kind), 0.6),
        ...maybe(rows, { hits: rows.below(5), score: '1.50' }, 0.3),
      };
    case 'Note':
      return { text: name, ...maybe(rows, nullable(rows, kind), 0.5) };
  }
}

/** Values that may be null, and sometimes are. */
export function nullable(rows: Rows, kind: KindName): Values {
  const or = (value: Value): Value => (rows.chance(0.25) ? null : value);
  const person = rows.some('Person');
  const course = rows.some('Course');
  const address = (): Value => ({
    street: rows.one(NAMES),
    city: or(rows.one(['Bern', 'Basel'])),
    since: or({ $date: '2024-02-29T23:59:59.999Z' }),
  });
  switch (kind) {
    case 'Person':
      return {
        email: rows.chance(0.5) ? null : `${rows.below(6)}@example.com`,
        balance: orHostile(rows, 'numeric', or(rows.one(['0.00', '12.50', '-3.99', '1234567890.12']))),
        born: orHostile(rows, 'date', or(rows.one(['1999-12-31', '2024-02-29']))),
        seenAt: or({ $date: rows.one(['2026-01-02T03:04:05.678Z', '1970-01-01T00:00:00.000Z']) }),
        profile: or(rows.one([{ colour: 'red', deep: [1, { a: null }] }, [1, 2], { 'odd "key"': '\\' }] as const)),
        home: or(address()),
        work: or(address()),
        mentor: person ? or({ $row: person }) : null,
      };
    case 'Cat':
      return { weight: orHostile(rows, 'double', or(rows.one([0, 3.25, 1e21, -0.1]))) };
    case 'Dog':
      return { weight: or(12.5), tricks: or(rows.one([[], ['sit', 'a,b', '"']] as const)) };
    case 'Course':
      return { seats: orHostile(rows, 'integer', or(rows.below(6))) };
    case 'Enrolment':
      return { grade: orHostile(rows, 'integer', or(rows.below(6))), remark: or(rows.one(NAMES)) };
    case 'Page':
      return { title: or(rows.one(NAMES)) };
    case 'Note':
      return {
        person: person ? or({ $row: person }) : null,
        course: course ? or({ $row: course }) : null,
        subject: subjectOf(rows),
      };
    case 'Club':
      return { founder: person ? or({ $row: person }) : null };
    case 'Passport':
      return {};
  }
}

/** Values for the calls past the unit of work. */
export function flat(rows: Rows, kind: KindName): Values {
  const values = whole(rows, kind);
  if (kind !== 'Person' && kind !== 'Note') return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => !['home', 'work', 'subject'].includes(name)));
}

/** A row of any of the types that a note may be about. */
function subjectOf(rows: Rows): Value {
  const subject = rows.some(rows.one(['Person', 'Passport', 'Club', 'Club'] as const));
  return subject ? { $row: subject } : null;
}

function maybe(rows: Rows, values: Values, chance: number): Values {
  return Object.fromEntries(Object.entries(values).filter(() => rows.chance(chance)));
}
