/** The dice of a program, and the rows that it has made so far. */
import { below, randomOf } from '../fault/support/random.js';
import { enrolmentOf } from './keys.js';
import type { KindName, Tag, Target } from './steps.js';

export const KINDS: readonly KindName[] = [
  'Person',
  'Cat',
  'Dog',
  'Passport',
  'Course',
  'Enrolment',
  'Club',
  'Page',
  'Note',
];
/** How often a row of each kind is made, more or less. */
const WEIGHTS: Readonly<Record<KindName, number>> = {
  Person: 6,
  Cat: 3,
  Dog: 3,
  Passport: 2,
  Course: 4,
  Enrolment: 3,
  Club: 3,
  Page: 3,
  Note: 3,
};

export class Rows {
  readonly #random: () => number;
  readonly #made: Record<KindName, Tag[]>;
  /** Programs have a favourite or two, so that some of them press on few rows hard. */
  readonly #most: number;
  #count = 0;

  constructor(seed: number) {
    this.#random = randomOf(seed * 7_919 + 1);
    this.#made = Object.fromEntries(KINDS.map((kind) => [kind, []])) as unknown as Record<KindName, Tag[]>;
    this.#most = 1 + this.below(4);
  }

  /** Every row of a kind. */
  all(kind: KindName): readonly Target[] {
    return this.#made[kind].map((tag) => ({ kind, tag }));
  }

  newTarget(kind: KindName): Target | undefined {
    // A row that was removed may come back under its key.
    if (this.chance(0.12) && !['Cat', 'Dog', 'Course', 'Note'].includes(kind)) {
      const again = this.some(kind);
      if (again) return again;
    }
    if (kind === 'Enrolment') {
      const [person, course] = [this.some('Person'), this.some('Course')];
      if (!person || !course) return undefined;
      return this.#remember(enrolmentOf(person.tag, course.tag));
    }
    if ((kind === 'Cat' || kind === 'Dog' || kind === 'Passport') && this.#made.Person.length === 0) return undefined;
    this.#count += 1;
    return this.#remember({ kind, tag: `${kind.toLowerCase()}${this.#count}` });
  }

  newPerson(): Target {
    this.#count += 1;
    return this.#remember({ kind: 'Person', tag: `person${this.#count}` });
  }

  #remember(target: Target): Target {
    if (!this.#made[target.kind].includes(target.tag)) this.#made[target.kind].push(target.tag);
    return target;
  }

  any(): Target | undefined {
    const kinds = KINDS.filter((kind) => this.#made[kind].length > 0);
    return kinds.length > 0 ? this.some(this.one(kinds)) : undefined;
  }

  /** One of the rows of a kind, mostly of the newest few. */
  some(kind: KindName): Target | undefined {
    const tags = this.#made[kind];
    if (tags.length === 0) return undefined;
    const from = this.chance(0.7) ? tags.slice(-this.#most) : tags;
    return { kind, tag: this.one(from) };
  }

  weighted(): KindName {
    const all = KINDS.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
    return this.one(all);
  }

  one<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  below(limit: number): number {
    return below(this.#random, limit);
  }

  chance(chance: number): boolean {
    return this.#random() < chance;
  }
}
