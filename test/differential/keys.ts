import { createHash } from 'node:crypto';
import type { KindName, Tag, Target } from './steps.js';

/** A primary key as plain data; a bigint is its digits. */
export type Key = string | number | { readonly person: Key; readonly course: Key };

/** The keys of a program's rows in one world: those that the program gives, and those that the database has given. */
export type Keys = Readonly<Record<Tag, Key>>;

/** Kinds whose key is a number from a sequence, by the table that it numbers. */
export const NUMBERED: Readonly<Partial<Record<KindName | 'Pet', string>>> = {
  Cat: 'pet',
  Dog: 'pet',
  Pet: 'pet',
  Course: 'course',
  Note: 'note',
};

/** The tag of a row whose key is the two rows that it refers to. */
export function enrolmentOf(person: Tag, course: Tag): Target {
  return { kind: 'Enrolment', tag: `${person}+${course}` };
}

/** The key of a row in one world, if it has one yet. */
export function keyOf({ kind, tag }: Target, keys: Keys): Key | undefined {
  if (kind !== 'Enrolment') return keys[tag];
  const [person, course] = tag.split('+').map((part) => keys[part]);
  return person === undefined || course === undefined ? undefined : { person, course };
}

/**
 * The keys that a program gives by itself: the same in both worlds, and other ones than those of every other program.
 */
export function givenKey({ kind, tag }: Target, run: string): Key | undefined {
  if (kind === 'Page') return `${run}/${tag}`;
  if (kind === 'Person' || kind === 'Passport' || kind === 'Club') return uuidOf(`${run}${kind}${tag}`);
  return undefined;
}

function uuidOf(text: string): string {
  const hex = createHash('md5').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}
