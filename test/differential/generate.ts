import { randomOf, below } from '../fault/support/random.js';
import { enrolmentOf } from './keys.js';
import type { Act, KindName, Nudge, Program, Query, Step, Tag, Target, Value, Values } from './steps.js';

const NAMES = ['Ann', 'Bob', "D'Arcy", 'Zoë 🌊', 'a "quoted" \\ name', ''] as const;
const KINDS: readonly KindName[] = ['Person', 'Cat', 'Dog', 'Passport', 'Course', 'Enrolment', 'Club', 'Page', 'Note'];
/** How often a row of each kind is made, more or less. */
const WEIGHTS: Readonly<Record<KindName, number>> = {
  Person: 6,
  Cat: 3,
  Dog: 3,
  Passport: 2,
  Course: 4,
  Enrolment: 3,
  Club: 2,
  Page: 3,
  Note: 2,
};
const RELATIONS: Readonly<Record<KindName | 'Pet', readonly string[]>> = {
  Person: ['mentor', 'pets', 'passport', 'clubs', 'mentor.pets', 'mentor.mentor'],
  Pet: ['owner', 'owner.mentor'],
  Cat: ['owner', 'owner.pets'],
  Dog: ['owner', 'owner.passport'],
  Passport: ['holder', 'holder.pets'],
  Course: [],
  Enrolment: ['person', 'course'],
  Club: ['members', 'members.pets'],
  Page: [],
  Note: ['person', 'course', 'person.mentor'],
};

/** The program of a seed: the same seed always makes the same program. */
export function generate(seed: number): Program {
  return new Author(seed).write();
}

/** Writes one program. It remembers which rows it has made, so that most steps hit something. */
class Author {
  readonly #seed: number;
  readonly #random: () => number;
  readonly #made: Record<KindName, Tag[]>;
  /** Programs have a favourite or two, so that some of them press on few rows hard. */
  readonly #most: number;
  readonly #processes: number;
  readonly #forks: number;
  #count = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = randomOf(seed * 7_919 + 1);
    this.#made = Object.fromEntries(KINDS.map((kind) => [kind, []])) as unknown as Record<KindName, Tag[]>;
    this.#most = 1 + this.#below(4);
    this.#processes = this.#chance(0.5) ? 2 : 1;
    this.#forks = 1 + this.#below(3);
  }

  write(): Program {
    const steps: Step[] = [];
    const length = 8 + this.#below(20);
    for (let opening = 1 + this.#below(4); opening > 0; opening--) steps.push(this.#step(this.#create()));
    const [first] = steps;
    if (first) steps.push({ ...first, act: { do: 'flush' } });
    while (steps.length < length) {
      const step = this.#step(this.#act(0));
      steps.push(step);
      if (isUnflushed(step.act) && this.#chance(0.6)) steps.push({ ...step, act: { do: 'flush' } });
      if (this.#chance(0.06)) steps.push(this.#step(this.#nudge()));
    }
    return { seed: this.#seed, steps: [...steps, ...this.#audit()] };
  }

  /** In the end every row is looked up by its key, before anything is written for good. */
  #audit(): Step[] {
    return KINDS.flatMap((kind): Step[] => {
      const tags = this.#made[kind].map((tag) => ({ kind, tag }));
      if (tags.length === 0) return [];
      const process = this.#below(this.#processes) as 0 | 1;
      if (kind !== 'Enrolment') return [{ process, fork: 9, act: { do: 'getMany', kind, tags } }];
      return tags.map((target) => ({ process, fork: 9, act: { do: 'get', target, by: 'findOne' } }));
    });
  }

  #step(act: Act | Nudge): Step {
    return { process: this.#below(this.#processes) as 0 | 1, fork: this.#below(this.#forks), act };
  }

  #nudge(): Nudge {
    return this.#chance(0.5) ? { do: 'drain' } : { do: 'pause', ms: 1 + this.#below(15) };
  }

  #act(depth: number): Act {
    const pick = this.#below(100);
    if (pick < 14) return this.#create();
    if (pick < 34) return this.#assign();
    if (pick < 40) return this.#remove();
    if (pick < 46) return this.#collect();
    if (pick < 52) return { do: 'flush' };
    if (pick < 55) return { do: 'clear' };
    if (pick < 63) return this.#get();
    if (pick < 76) return { do: 'query', query: this.#query() };
    if (pick < 79) return this.#populate();
    if (pick < 82) return this.#insert();
    if (pick < 85) return this.#upsert();
    if (pick < 88) return this.#nativeUpdate();
    if (pick < 90) return this.#nativeDelete();
    if (pick < 93) return this.#count_();
    return depth < 2 ? this.#transaction(depth) : this.#assign();
  }

  #transaction(depth: number): Act {
    const acts: Act[] = [];
    const length = 1 + this.#below(4);
    while (acts.length < length) {
      const act = this.#act(depth + 1);
      // What has an entity manager of its own would wait for the row locks of this one.
      if (act.do === 'bump' || act.do === 'increment') continue;
      acts.push(act);
      if (isUnflushed(act) && this.#chance(0.5)) acts.push({ do: 'flush' });
    }
    return { do: 'transaction', acts, end: this.#chance(0.3) ? 'rollback' : 'commit' };
  }

  #create(): Act {
    const kind = this.#weighted();
    const target = this.#newTarget(kind);
    if (!target) return { do: 'create', target: this.#newPerson(), values: this.#whole('Person') };
    return { do: 'create', target, values: this.#whole(kind) };
  }

  #assign(): Act {
    const target = this.#any();
    if (!target) return this.#create();
    const whole = { ...this.#whole(target.kind), ...this.#nullable(target.kind) };
    const names = Object.keys(whole).filter((name) => name !== 'hits' && name !== 'score');
    const chosen = names.filter(() => this.#chance(0.35));
    const values = Object.fromEntries(
      (chosen.length > 0 ? chosen : names.slice(0, 1)).map((name) => [name, whole[name] as Value]),
    );
    return { do: 'assign', target, values };
  }

  #remove(): Act {
    const leaf = this.#chance(0.7)
      ? this.#some(this.#one(['Cat', 'Dog', 'Passport', 'Enrolment', 'Page', 'Note']))
      : undefined;
    const target = leaf ?? this.#any();
    return target ? { do: 'remove', target } : this.#create();
  }

  #collect(): Act {
    const [kind, property, member] = this.#chance(0.5)
      ? (['Club', 'members', 'Person'] as const)
      : (['Person', 'pets', this.#one(['Cat', 'Dog'] as const)] as const);
    const target = this.#some(kind);
    const members = [this.#some(member), this.#some(member)].filter((each) => each !== undefined);
    if (!target || members.length === 0) return this.#create();
    return { do: 'collect', target, property, by: this.#one(['add', 'add', 'remove', 'set'] as const), members };
  }

  #get(): Act {
    const target = this.#any();
    if (!target) return this.#create();
    if (this.#chance(0.3)) {
      const tags = [target, this.#some(target.kind) ?? target];
      return { do: 'getMany', kind: target.kind, tags };
    }
    return { do: 'get', target, by: this.#one(['findOne', 'findOne', 'findOneOrFail', 'refresh'] as const) };
  }

  #populate(): Act {
    const target = this.#any();
    if (!target || RELATIONS[target.kind].length === 0) return this.#get();
    return { do: 'populate', target, properties: [this.#one(RELATIONS[target.kind])] };
  }

  #query(): Query {
    const kind = this.#chance(0.1) ? 'Pet' : this.#one(KINDS);
    const ask = this.#one(['find', 'find', 'find', 'count', 'findAndCount', 'findOne'] as const);
    const where = this.#where(kind);
    if (ask === 'count') return { kind, where, ask };
    const relations = RELATIONS[kind];
    const populate = relations.length > 0 && this.#chance(0.5) ? relations.filter(() => this.#chance(0.5)) : [];
    const last = kind === 'Page' ? 'path' : 'tag';
    const isOrdered = kind !== 'Enrolment' && (ask === 'findOne' || this.#chance(0.5));
    const name = kind === 'Person' ? 'age' : kind === 'Course' ? 'seats' : kind === 'Page' ? 'hits' : undefined;
    const orderBy = {
      ...(name !== undefined && { [name]: this.#one(['asc', 'desc'] as const) }),
      [last]: 'asc',
    } as const;
    const isPaged = isOrdered && this.#chance(0.4);
    if (kind === 'Enrolment' && ask === 'findOne') return { kind, where, ask: 'count' };
    return {
      kind,
      where,
      ask,
      ...(isOrdered && { orderBy }),
      ...(isPaged && ask !== 'findOne' && { limit: 1 + this.#below(3), offset: this.#below(2) }),
      ...(populate.length > 0 && { populate, strategy: this.#one(['joined', 'select-in'] as const) }),
      ...(this.#chance(0.15) && { refresh: true }),
    };
  }

  #where(kind: KindName | 'Pet'): Values {
    const person = this.#some('Person');
    const options: Values[] = [{}, {}];
    if (kind === 'Person') {
      options.push({ name: this.#one(NAMES) }, { age: { $gte: this.#below(6) } }, { email: null });
      options.push(
        { home: { city: this.#one(['Bern', 'Basel']) } },
        { mentor: null },
        { name: { $in: ['Ann', 'Bob'] } },
      );
      options.push(
        { pets: { name: this.#one(NAMES) } },
        { mentor: { name: this.#one(NAMES) } },
        { balance: { $gt: '1.00' } },
      );
      if (person) options.push({ mentor: { $row: person } });
    }
    if (kind === 'Cat' || kind === 'Dog' || kind === 'Pet') {
      options.push({ name: this.#one(NAMES) }, { owner: { name: this.#one(NAMES) } }, { weight: { $lt: 5 } });
      if (person) options.push({ owner: { $row: person } });
    }
    if (kind === 'Passport' && person) options.push({ holder: { $row: person } }, { number: { $like: 'N%' } });
    if (kind === 'Course')
      options.push({ seats: { $gt: this.#below(5) } }, { open: true }, { title: this.#one(NAMES) });
    if (kind === 'Enrolment') {
      options.push({ grade: { $gte: 3 } }, { course: { open: true } }, { grade: null });
      if (person) options.push({ person: { $row: person } });
    }
    if (kind === 'Club') {
      options.push({ members: { name: this.#one(NAMES) } }, { name: this.#one(NAMES) });
      if (person) options.push({ members: { $row: person } });
    }
    if (kind === 'Page') options.push({ hits: { $gte: this.#below(5) } }, { title: null });
    if (kind === 'Note') options.push({ person: { name: this.#one(NAMES) } }, { course: null });
    return this.#one(options);
  }

  #insert(): Act {
    const kind = this.#one(['Person', 'Course', 'Page', 'Note', 'Cat', 'Enrolment'] as const);
    const rows = Array.from({ length: 1 + this.#below(2) }, () => {
      const target = this.#newTarget(kind);
      return target && { target, values: this.#flat(kind) };
    }).filter((row) => row !== undefined);
    return rows.length > 0 ? { do: 'insert', rows } : this.#create();
  }

  #upsert(): Act {
    const kind = this.#one(['Page', 'Enrolment'] as const);
    const target = this.#chance(0.6) ? this.#some(kind) : this.#newTarget(kind);
    if (!target) return this.#create();
    return { do: 'upsert', rows: [{ target, values: this.#flat(kind) }] };
  }

  #nativeUpdate(): Act {
    const kind = this.#one(['Person', 'Course', 'Page', 'Note', 'Enrolment'] as const);
    const target = this.#some(kind);
    const values = Object.fromEntries(Object.entries(this.#flat(kind)).slice(0, 1 + this.#below(2)));
    if (Object.keys(values).length === 0) return this.#assign();
    if (!target || this.#chance(0.4)) return { do: 'nativeUpdate', kind, where: this.#plainWhere(kind), values };
    const other = kind === 'Enrolment' ? undefined : this.#some(kind);
    return { do: 'nativeUpdate', kind, where: other ? [target, other] : [target], values };
  }

  #nativeDelete(): Act {
    const kind = this.#one(['Page', 'Note', 'Enrolment', 'Cat', 'Passport'] as const);
    const target = this.#some(kind);
    if (!target || this.#chance(0.3)) return { do: 'nativeDelete', kind, where: this.#plainWhere(kind) };
    return { do: 'nativeDelete', kind, where: [target] };
  }

  #plainWhere(kind: KindName): Values {
    if (kind === 'Page') return { hits: { $gte: this.#below(4) } };
    if (kind === 'Enrolment') return { grade: { $gte: this.#below(5) } };
    if (kind === 'Course') return { seats: { $gte: this.#below(5) } };
    if (kind === 'Note') return { text: this.#one(NAMES) };
    if (kind === 'Passport') return { number: 'N1' };
    return { name: this.#one(NAMES) };
  }

  #count_(): Act {
    const target = this.#some('Page');
    if (!target) return this.#create();
    const by = this.#below(7) - 2;
    return { do: this.#chance(0.5) ? 'bump' : 'increment', target, by };
  }

  /** All values that a new row of the kind needs, and some that it may have. */
  #whole(kind: KindName): Values {
    const name = this.#one(NAMES);
    const person = this.#some('Person');
    switch (kind) {
      case 'Person':
        return { name, age: this.#below(8), ...this.#maybe(this.#nullable(kind), 0.3) };
      case 'Cat':
        return {
          name,
          owner: { $row: person ?? this.#newPerson() },
          ...this.#maybe({ ...this.#nullable(kind), lives: this.#below(9) }, 0.5),
        };
      case 'Dog':
        return { name, owner: { $row: person ?? this.#newPerson() }, ...this.#maybe(this.#nullable(kind), 0.5) };
      case 'Passport':
        return { number: `N${this.#below(3)}`, holder: { $row: person ?? this.#newPerson() } };
      case 'Course':
        return { title: name, ...this.#maybe({ ...this.#nullable(kind), open: this.#chance(0.5) }, 0.5) };
      case 'Enrolment':
        return this.#maybe(this.#nullable(kind), 0.6);
      case 'Club':
        return { name };
      case 'Page':
        return {
          ...this.#maybe(this.#nullable(kind), 0.6),
          ...this.#maybe({ hits: this.#below(5), score: '1.50' }, 0.3),
        };
      case 'Note':
        return { text: name, ...this.#maybe(this.#nullable(kind), 0.5) };
    }
  }

  /** Values that may be null, and sometimes are. */
  #nullable(kind: KindName): Values {
    const or = (value: Value): Value => (this.#chance(0.25) ? null : value);
    const person = this.#some('Person');
    const course = this.#some('Course');
    const address = (): Value => ({
      street: this.#one(NAMES),
      city: or(this.#one(['Bern', 'Basel'])),
      since: or({ $date: '2024-02-29T23:59:59.999Z' }),
    });
    switch (kind) {
      case 'Person':
        return {
          email: this.#chance(0.5) ? null : `${this.#below(6)}@example.com`,
          balance: or(this.#one(['0.00', '12.50', '-3.99', '1234567890.12'])),
          born: or(this.#one(['1999-12-31', '2024-02-29'])),
          seenAt: or({ $date: this.#one(['2026-01-02T03:04:05.678Z', '1970-01-01T00:00:00.000Z']) }),
          profile: or(this.#one([{ colour: 'red', deep: [1, { a: null }] }, [1, 2], { 'odd "key"': '\\' }] as const)),
          home: or(address()),
          work: or(address()),
          mentor: person ? or({ $row: person }) : null,
        };
      case 'Cat':
        return { weight: or(this.#one([0, 3.25, 1e21, -0.1])) };
      case 'Dog':
        return { weight: or(12.5), tricks: or(this.#one([[], ['sit', 'a,b', '"']] as const)) };
      case 'Course':
        return { seats: or(this.#below(6)) };
      case 'Enrolment':
        return { grade: or(this.#below(6)), remark: or(this.#one(NAMES)) };
      case 'Page':
        return { title: or(this.#one(NAMES)) };
      case 'Note':
        return { person: person ? or({ $row: person }) : null, course: course ? or({ $row: course }) : null };
      case 'Passport':
      case 'Club':
        return {};
    }
  }

  /** Values for the calls past the unit of work. */
  #flat(kind: KindName): Values {
    const whole = this.#whole(kind);
    if (kind !== 'Person') return whole;
    return Object.fromEntries(Object.entries(whole).filter(([name]) => name !== 'home' && name !== 'work'));
  }

  #maybe(values: Values, chance: number): Values {
    return Object.fromEntries(Object.entries(values).filter(() => this.#chance(chance)));
  }

  #newTarget(kind: KindName): Target | undefined {
    // A row that was removed may come back under its key.
    if (this.#chance(0.12) && !['Cat', 'Dog', 'Course', 'Note'].includes(kind)) {
      const again = this.#some(kind);
      if (again) return again;
    }
    if (kind === 'Enrolment') {
      const [person, course] = [this.#some('Person'), this.#some('Course')];
      if (!person || !course) return undefined;
      return this.#remember(enrolmentOf(person.tag, course.tag));
    }
    if ((kind === 'Cat' || kind === 'Dog' || kind === 'Passport') && this.#made.Person.length === 0) return undefined;
    this.#count += 1;
    return this.#remember({ kind, tag: `${kind.toLowerCase()}${this.#count}` });
  }

  #newPerson(): Target {
    this.#count += 1;
    return this.#remember({ kind: 'Person', tag: `person${this.#count}` });
  }

  #remember(target: Target): Target {
    if (!this.#made[target.kind].includes(target.tag)) this.#made[target.kind].push(target.tag);
    return target;
  }

  #any(): Target | undefined {
    const kinds = KINDS.filter((kind) => this.#made[kind].length > 0);
    return kinds.length > 0 ? this.#some(this.#one(kinds)) : undefined;
  }

  /** One of the rows of a kind, mostly of the newest few. */
  #some(kind: KindName): Target | undefined {
    const tags = this.#made[kind];
    if (tags.length === 0) return undefined;
    const from = this.#chance(0.7) ? tags.slice(-this.#most) : tags;
    return { kind, tag: this.#one(from) };
  }

  #weighted(): KindName {
    const all = KINDS.flatMap((kind) => Array.from({ length: WEIGHTS[kind] }, () => kind));
    return this.#one(all);
  }

  #one<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }

  #below(limit: number): number {
    return below(this.#random, limit);
  }

  #chance(chance: number): boolean {
    return this.#random() < chance;
  }
}

function isUnflushed(act: Act | Nudge): boolean {
  return act.do === 'create' || act.do === 'assign' || act.do === 'remove' || act.do === 'collect';
}
