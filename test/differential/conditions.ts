/** Conditions of queries, and of the calls past the unit of work. */
import type { Rows } from './rows.js';
import type { KindName, ReadName, Values } from './steps.js';
import { NAMES } from './values.js';

export function conditionOf(rows: Rows, kind: ReadName): Values {
  const person = rows.some('Person');
  const options: Values[] = [{}, {}];
  if (kind === 'Person') {
    options.push({ name: rows.one(NAMES) }, { age: { $gte: rows.below(6) } }, { email: null });
    options.push({ home: { city: rows.one(['Bern', 'Basel']) } }, { mentor: null }, { name: { $in: ['Ann', 'Bob'] } });
    options.push(
      { pets: { name: rows.one(NAMES) } },
      { mentor: { name: rows.one(NAMES) } },
      { balance: { $gt: '1.00' } },
    );
    options.push({ clubs: { name: rows.one(NAMES) } }, { figures: { pets: { $gte: 1 } } }, { figures: { pupils: 0 } });
    if (person) options.push({ mentor: { $row: person } });
  }
  if (kind === 'Cat' || kind === 'Dog' || kind === 'Pet') {
    options.push({ name: rows.one(NAMES) }, { owner: { name: rows.one(NAMES) } }, { weight: { $lt: 5 } });
    if (person) options.push({ owner: { $row: person } });
  }
  if (kind === 'Passport' && person) options.push({ holder: { $row: person } }, { number: { $like: 'N%' } });
  if (kind === 'Course') options.push({ enrolments: { grade: { $gte: 3 } } });
  if (kind === 'Course') options.push({ seats: { $gt: rows.below(5) } }, { open: true }, { title: rows.one(NAMES) });
  if (kind === 'Enrolment') {
    options.push(
      { grade: { $gte: 3 } },
      { course: { open: true } },
      { grade: null },
      { course: { seats: { $gte: 2 } } },
    );
    if (person) options.push({ person: { $row: person } });
  }
  if (kind === 'Club') {
    options.push({ members: { name: rows.one(NAMES) } }, { name: rows.one(NAMES) });
    if (person) options.push({ members: { $row: person } });
  }
  if (kind === 'Census') {
    options.push({ pets: { $gte: 1 } }, { person: { name: rows.one(NAMES) } }, { clubs: { $gt: 0 } });
    if (person) options.push({ person: { $row: person } });
  }
  if (kind === 'Page') options.push({ hits: { $gte: rows.below(5) } }, { title: null });
  if (kind === 'Note') {
    const subject = rows.some(rows.one(['Person', 'Passport', 'Club'] as const));
    options.push({ person: { name: rows.one(NAMES) } }, { course: null }, { course: { open: true } });
    options.push({ subject: null }, { subject: { name: rows.one(NAMES) } }, { person: { figures: { pets: 0 } } });
    if (subject) options.push({ subject: { $row: subject } });
  }
  return rows.one(options);
}
export function plainConditionOf(rows: Rows, kind: KindName): Values {
  if (kind === 'Page') return { hits: { $gte: rows.below(4) } };
  if (kind === 'Enrolment') return { grade: { $gte: rows.below(5) } };
  if (kind === 'Course') return { seats: { $gte: rows.below(5) } };
  if (kind === 'Note') return { text: rows.one(NAMES) };
  if (kind === 'Passport') return { number: 'N1' };
  return { name: rows.one(NAMES) };
}
