import { insertOf, nativeDeleteOf, nativeUpdateOf, upsertOf } from './calls.js';
import { lookOf } from './looks.js';
import { filtersOf, queryOf, RELATIONS } from './queries.js';
import { KINDS, Rows } from './rows.js';
import type { Act, Nudge, Program, Step, Target, Value } from './steps.js';
import { flat, nullable, whole } from './values.js';

/** The entity manager, beside those of the others, of which those are made that have a signal. */
const SIGNALLED = 8;
/** The entity manager that knows no rows. */
const READER = 7;

/** The program of a seed: the same seed always makes the same program. */
export function generate(seed: number): Program {
  return new Author(seed).write();
}

/** Writes one program. Its rows are remembered, so that most steps hit something. */
class Author {
  readonly #seed: number;
  readonly #rows: Rows;
  readonly #processes: number;
  readonly #forks: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#rows = new Rows(seed);
    this.#processes = this.#rows.chance(0.5) ? 2 : 1;
    this.#forks = 1 + this.#rows.below(3);
  }

  write(): Program {
    const steps: Step[] = [];
    const length = 8 + this.#rows.below(20);
    for (let opening = 1 + this.#rows.below(4); opening > 0; opening--) steps.push(this.#step(this.#create()));
    const [first] = steps;
    if (first) steps.push({ ...first, act: { do: 'flush' } });
    while (steps.length < length) {
      const step = this.#step(this.#act(0));
      steps.push(step);
      if (isUnflushed(step.act) && this.#rows.chance(0.6)) steps.push({ ...step, act: { do: 'flush' } });
      if (this.#rows.chance(0.06)) steps.push(this.#step(this.#nudge()));
      if (this.#rows.chance(0.07)) steps.push({ ...step, fork: SIGNALLED, act: this.#signalled() });
      if (this.#rows.chance(0.02)) steps.push(...this.#round());
      if (this.#rows.chance(0.02)) steps.push(...this.#meeting());
      if (this.#rows.chance(0.07)) steps.push(...this.#look());
    }
    return { seed: this.#seed, steps: [...steps, ...this.#audit()] };
  }

  /**
   * Rows pass unique values round by a value between, each step in a flush or call of its own, whoever does it. Other
   * changes of these rows, and pauses in which something is written, come between.
   */
  #round(): Step[] {
    const kind = this.#rows.chance(0.6) ? 'Page' : 'Person';
    const name = kind === 'Page' ? 'slug' : 'email';
    const made = Array.from({ length: 2 + this.#rows.below(2) }, () =>
      kind === 'Page' ? this.#rows.newTarget('Page') : this.#rows.newPerson(),
    );
    const targets = made.filter((target) => target !== undefined);
    const valueOf = ({ tag }: Target): Value => `${tag}@round.example.com`;
    const steps = targets.flatMap((target) =>
      this.#inFlush({ do: 'create', target, values: { ...whole(this.#rows, kind), [name]: valueOf(target) } }),
    );
    // What is not in the database yet has nothing to give up there.
    if (this.#rows.chance(0.9)) steps.push(this.#step({ do: 'drain' }));
    const give = (target: Target, value: Value): void => {
      if (this.#rows.chance(0.1)) steps.push(this.#step(this.#nudge()));
      const values = { [name]: value };
      if (this.#rows.chance(0.4)) steps.push(this.#step({ do: 'nativeUpdate', kind, where: [target], values }));
      else steps.push(...this.#inFlush({ do: 'assign', target, values }));
    };
    const [first, ...others] = targets as [Target, ...Target[]];
    give(first, this.#rows.one([null, `between.${first.tag}`]));
    for (const [index, target] of others.entries()) give(target, valueOf(targets[index] ?? first));
    give(first, valueOf(targets.at(-1) ?? first));
    return steps;
  }

  /**
   * A club whose new founder is a new member, too. MikroORM meets the founder first, and puts the collection off to the
   * end of the flush.
   */
  #meeting(): Step[] {
    const old = this.#rows.chance(0.5) ? this.#rows.some('Club') : undefined;
    const club = old ?? this.#rows.newTarget('Club');
    const founder = this.#rows.newPerson();
    const others = [this.#rows.some('Person')].filter((each) => each !== undefined);
    if (!club) return [];
    const acts: Act[] = [
      { do: 'create', target: founder, values: whole(this.#rows, 'Person') },
      { do: 'assign', target: club, values: { founder: { $row: founder } } },
      { do: 'collect', target: club, property: 'members', by: 'add', members: [founder, ...others] },
      { do: 'flush' },
    ];
    if (!old) acts.unshift({ do: 'create', target: club, values: whole(this.#rows, 'Club') });
    const first = this.#step(acts[0] as Act);
    return acts.map((act) => ({ ...first, act }));
  }

  /** A query of somebody who has not loaded anything yet, right after a flush. */
  #look(): Step[] {
    const look = lookOf(this.#rows);
    if (!look) return [];
    const change = this.#step({ do: 'clear' });
    const reader = { ...this.#step({ do: 'clear' }), fork: READER };
    const changes = look.flushes.map((acts): Act[] => [...acts, { do: 'flush' }]);
    const last = changes.pop() ?? [];
    // Whoever waits for another change gets the last one written, too, unless there is no other.
    const isAlone = this.#rows.chance(0.5);
    return [
      ...changes.flat().map((act) => ({ ...change, act })),
      // MikroORM writes the subject of a new note with each later flush again, by SQL, and with it the whole flush.
      change,
      ...(isAlone ? [{ ...change, act: { do: 'drain' } as const }] : []),
      ...last.map((act) => ({ ...change, act })),
      reader,
      { ...reader, act: { do: 'query', query: look.query } },
    ];
  }

  /** One call, or one change and its flush, by somebody who might give up, and has done so already or never does. */
  #signalled(): Act {
    const signal = this.#rows.one(['aborted', 'aborted', 'never'] as const);
    let act: Act;
    do act = this.#rows.chance(0.6) ? this.#change() : this.#act(1);
    while (act.do === 'bump' || act.do === 'increment' || act.do === 'patch' || act.do === 'clear');
    return { do: 'signalled', signal, acts: isUnflushed(act) ? [act, { do: 'flush' }] : [act] };
  }

  #change(): Act {
    const pick = this.#rows.below(4);
    if (pick === 0) return this.#create();
    if (pick === 1) return this.#assign();
    return pick === 2 ? this.#remove() : this.#save();
  }

  #inFlush(act: Act): Step[] {
    const step = this.#step(act);
    return [step, { ...step, act: { do: 'flush' } }];
  }

  /** In the end every row is looked up by its key, before anything is written for good. */
  #audit(): Step[] {
    return KINDS.flatMap((kind): Step[] => {
      const tags = this.#rows.all(kind);
      if (tags.length === 0) return [];
      const process = this.#rows.below(this.#processes) as 0 | 1;
      if (kind !== 'Enrolment') return [{ process, fork: 9, act: { do: 'getMany', kind, tags } }];
      return tags.map((target) => ({ process, fork: 9, act: { do: 'get', target, by: 'findOne' } }));
    });
  }

  #step(act: Act | Nudge): Step {
    return { process: this.#rows.below(this.#processes) as 0 | 1, fork: this.#rows.below(this.#forks), act };
  }

  #nudge(): Nudge {
    return this.#rows.chance(0.5) ? { do: 'drain' } : { do: 'pause', ms: 1 + this.#rows.below(15) };
  }

  #act(depth: number): Act {
    const pick = this.#rows.below(100);
    if (pick < 14) return this.#create();
    if (pick < 34) return this.#assign();
    if (pick < 40) return this.#remove();
    if (pick < 46) return this.#collect();
    if (pick < 52) return { do: 'flush' };
    if (pick < 55) return { do: 'clear' };
    if (pick < 63) return this.#get();
    if (pick < 76) return { do: 'query', query: queryOf(this.#rows) };
    if (pick < 79) return this.#populate();
    if (pick < 82) return insertOf(this.#rows) ?? this.#create();
    if (pick < 85) return upsertOf(this.#rows) ?? this.#create();
    if (pick < 88) return this.#rows.chance(0.6) ? (nativeUpdateOf(this.#rows) ?? this.#assign()) : this.#patch();
    if (pick < 90) return nativeDeleteOf(this.#rows);
    if (pick < 92) return this.#countUp();
    if (pick < 95) return this.#save();
    return depth < 2 ? this.#transaction(depth) : this.#assign();
  }

  #transaction(depth: number): Act {
    const acts: Act[] = [];
    const length = 1 + this.#rows.below(4);
    while (acts.length < length) {
      const act = this.#act(depth + 1);
      // What has an entity manager of its own would wait for the row locks of this one, and what waits until it is
      // written, for its end.
      if (act.do === 'bump' || act.do === 'increment' || act.do === 'patch') continue;
      if ((act.do === 'save' || act.do === 'erase') && act.written) continue;
      acts.push(act);
      if (isUnflushed(act) && this.#rows.chance(0.5)) acts.push({ do: 'flush' });
    }
    const holds = depth === 0 && this.#rows.chance(0.5);
    return { do: 'transaction', acts, end: this.#rows.chance(0.3) ? 'rollback' : 'commit', holds };
  }

  #create(): Act {
    const kind = this.#rows.weighted();
    const target = this.#rows.newTarget(kind);
    if (!target) return { do: 'create', target: this.#rows.newPerson(), values: whole(this.#rows, 'Person') };
    return { do: 'create', target, values: whole(this.#rows, kind) };
  }

  #assign(): Act {
    const target = this.#rows.any();
    if (!target) return this.#create();
    const all = { ...whole(this.#rows, target.kind), ...nullable(this.#rows, target.kind) };
    const names = Object.keys(all).filter((name) => name !== 'hits' && name !== 'score');
    const chosen = names.filter(() => this.#rows.chance(0.35));
    const values = Object.fromEntries(
      (chosen.length > 0 ? chosen : names.slice(0, 1)).map((name) => [name, all[name] as Value]),
    );
    return { do: 'assign', target, values };
  }

  #remove(): Act {
    const leaf = this.#rows.chance(0.7)
      ? this.#rows.some(this.#rows.one(['Cat', 'Dog', 'Passport', 'Enrolment', 'Page', 'Note']))
      : undefined;
    const target = leaf ?? this.#rows.any();
    return target ? { do: 'remove', target } : this.#create();
  }

  /** By the repository. A plain entity has nothing to wait for. */
  #save(): Act {
    const written = this.#rows.chance(0.5);
    const act = this.#rows.chance(0.7) ? this.#assign() : this.#remove();
    if ((act.do !== 'assign' && act.do !== 'remove') || act.target.kind === 'Note') return act;
    if (act.do === 'remove') return { do: 'erase', target: act.target, written };
    return { ...act, do: 'save', written };
  }

  #patch(): Act {
    // Of a row with a version, others see a patch with the old version until it is written (decision 20).
    const kind = this.#rows.one(['Page', 'Enrolment'] as const);
    const target = this.#rows.some(kind);
    const values = Object.fromEntries(Object.entries(flat(this.#rows, kind)).slice(0, 1 + this.#rows.below(3)));
    return target && Object.keys(values).length > 0 ? { do: 'patch', target, values } : this.#assign();
  }

  #collect(): Act {
    const [kind, property, member] = this.#rows.one([
      ['Club', 'members', 'Person'],
      ['Club', 'members', 'Person'],
      ['Person', 'pets', this.#rows.one(['Cat', 'Dog'] as const)],
      ['Person', 'pupils', 'Person'],
    ] as const);
    const target = this.#rows.some(kind);
    const members = [this.#rows.some(member), this.#rows.some(member)].filter((each) => each !== undefined);
    if (!target || members.length === 0) return this.#create();
    if (this.#rows.chance(0.4)) {
      const kept = members.slice(0, this.#rows.below(3));
      return { do: 'collect', target, property, by: 'set', members: kept, unloaded: true };
    }
    return { do: 'collect', target, property, by: this.#rows.one(['add', 'add', 'remove', 'set'] as const), members };
  }

  #get(): Act {
    const target = this.#rows.any();
    if (!target) return this.#create();
    if (this.#rows.chance(0.3)) {
      const tags = [target, this.#rows.some(target.kind) ?? target];
      return { do: 'getMany', kind: target.kind, tags };
    }
    return {
      do: 'get',
      target,
      by: this.#rows.one(['findOne', 'findOne', 'findOneOrFail', 'refresh'] as const),
      ...(this.#rows.chance(0.2) && { isFiltered: true }),
    };
  }

  #populate(): Act {
    const target = this.#rows.any();
    if (!target || RELATIONS[target.kind].length === 0) return this.#get();
    const filters = filtersOf(this.#rows);
    const properties = [this.#rows.one(RELATIONS[target.kind])];
    return { do: 'populate', target, properties, ...(filters !== undefined && { filters }) };
  }

  #countUp(): Act {
    const target = this.#rows.some('Page');
    if (!target) return this.#create();
    const by = this.#rows.below(7) - 2;
    return { do: this.#rows.chance(0.5) ? 'bump' : 'increment', target, by };
  }
}

function isUnflushed(act: Act | Nudge): boolean {
  return act.do === 'create' || act.do === 'assign' || act.do === 'remove' || act.do === 'collect';
}
