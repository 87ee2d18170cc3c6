import { SpillwayError } from '../../errors.js';
import type { CallerQuery } from '../change-sink.js';
import { SinkDown } from '../sink-failure.js';
import { connectFailureOf } from './fault.js';
import { CallerSession } from './joined/caller-session.js';
import { placeOf, standTheSame, type Place } from './place.js';
import type { Session } from './session.js';

/** How long the application may take to lend one of its connections for a statement. */
const LENT_WITHIN_MS = 5_000;

/** Runs statements on a connection that the application writes by. */
export type Application = <T>(act: (query: CallerQuery) => Promise<T>) => Promise<T>;

/** Rejects if a connection of Spillway leads to the wrong place. */
export interface Proof {
  prove(session: Session): Promise<void>;
}

/** One question, and its answer to come. */
interface Asking {
  readonly place: Promise<Place>;
  /** Rejects the answer for all callers that wait for it. */
  readonly giveUp: (why: Error) => void;
}

/**
 * The place where the application writes, according to its own connections. Spillway's connections must lead there too.
 * Asked once, and again if the places differ: the server may have been restarted between the two questions.
 */
export class Home implements Proof {
  readonly #application: Application;
  /** A sentence that adds to the error how the application's connections are made. */
  readonly #hint: () => string;
  #asking: Asking | undefined;

  constructor(application: Application, hint: () => string) {
    this.#application = application;
    this.#hint = hint;
  }

  /** Asks early: later, all connections of the application may be in transactions, some of which wait for Spillway. */
  async ask(): Promise<void> {
    await this.#asked().place;
  }

  /** Rejects a waiting question, and forgets the answer: the application may connect anew, perhaps elsewhere. */
  forget(): void {
    this.#asking?.giveUp(new SinkDown('Spillway was stopped before the ORM had lent a connection', 'unreachable'));
    this.#asking = undefined;
  }

  /** @throws SpillwayError `CONFIG_INVALID` if the statements of Spillway's own connection go elsewhere */
  async prove(session: Session): Promise<void> {
    await this.#prove(session, isSame);
  }

  /** The proof for connections that use only names with a schema: the database counts, not role and path. */
  get ofDatabase(): Proof {
    return { prove: async (session) => this.#prove(session, isSameDatabase) };
  }

  async #prove(session: Session, isRight: (theirs: Place, ours: Place) => boolean): Promise<void> {
    const first = this.#asked();
    if (isRight(await first.place, await placeOf(session))) return;
    if (this.#asking === first) this.#asking = undefined;
    const theirs = await this.#asked().place;
    const ours = await placeOf(session);
    if (!isRight(theirs, ours)) throw elsewhere(theirs, ours, this.#hint());
  }

  #asked(): Asking {
    this.#asking ??= this.#begin();
    return this.#asking;
  }

  #begin(): Asking {
    const { promise: never, reject: giveUp } = Promise.withResolvers<never>();
    const timer = setTimeout(() => giveUp(lentNone()), LENT_WITHIN_MS);
    const asked = this.#application((query) => placeOf(new CallerSession(query)));
    const place = Promise.race([asked, never])
      .finally(() => clearTimeout(timer))
      .catch((error: unknown) => {
        if (this.#asking === asking) this.#asking = undefined;
        throw connectFailureOf(error);
      });
    const asking: Asking = { place, giveUp };
    return asking;
  }
}

function lentNone(): SinkDown {
  return new SinkDown(
    `The ORM has lent none of its connections within ${LENT_WITHIN_MS / 1_000} s, so nobody knows where it writes. ` +
      'Make its pool larger, or call Spillway.of(orm).start() before its connections are all in transactions',
    'unreachable',
  );
}

function isSame(theirs: Place, ours: Place): boolean {
  return isSameDatabase(theirs, ours) && standTheSame(theirs, ours);
}

function isSameDatabase(theirs: Place, ours: Place): boolean {
  return theirs.database === ours.database;
}

function elsewhere(theirs: Place, ours: Place, hint: string): SpillwayError {
  const isElsewhere = theirs.database !== ours.database;
  const server = isElsewhere && theirs.name === ours.name ? ' of another server' : '';
  const remedy = isElsewhere
    ? 'Spillway connects by clientUrl, host, port, user, password, dbName and driverOptions of the ORM, as MikroORM ' +
      'does: let them name one database'
    : 'Spillway repeats driverOptions, onCreateConnection and onReserveConnection of the ORM, but not onPoolCreated: ' +
      'set role and search_path in one of the first three, the same for every connection and every request';
  return new SpillwayError(
    'CONFIG_INVALID',
    'Spillway would write to another place than the ORM, so it writes nothing. ' +
      `The ORM's statements go to ${named(theirs)}; those of Spillway's own connections to ${named(ours)}${server}. ` +
      [remedy, hint].filter(Boolean).join('. '),
  );
}

function named({ name, role, schemas }: Place): string {
  return `database "${name}" as role "${role}" with search_path ${schemas === '' ? '(none)' : schemas}`;
}
