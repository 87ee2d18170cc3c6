/** What a program is made of: plain data, so that it can be sent to another process, printed, and shrunk. */

/** The name that a program gives to a row, whatever its key is in either world: `person3`. */
export type Tag = string;
export type KindName = 'Person' | 'Cat' | 'Dog' | 'Passport' | 'Course' | 'Enrolment' | 'Club' | 'Page' | 'Note';

/** What can be read: rows, those of all classes of one table, and those of a view. */
export type ReadName = KindName | 'Pet' | 'Census';

/** A signal of the application that has been aborted before the call, or never is. */
export type Signal = 'aborted' | 'never';

/** Which filters count: none, or those by default with these names switched on or off. */
export type Filters = false | Readonly<Record<string, boolean>>;

/** A row, as a step names it. */
export interface Target {
  readonly kind: KindName;
  readonly tag: Tag;
}

/**
 * A value of a property. What JSON has no word for, and what differs between the worlds, is an object with one `$`
 * name.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [name: string]: Value }
  | { readonly $date: string }
  | { readonly $row: Target };

export type Values = Readonly<Record<string, Value>>;

export interface Query {
  readonly kind: ReadName;
  readonly where: Values;
  /** Whether it is asked for rows, for their number, or for both. */
  readonly ask: 'find' | 'count' | 'findAndCount' | 'findOne';
  readonly orderBy?: Readonly<Record<string, 'asc' | 'desc'>>;
  readonly limit?: number;
  readonly offset?: number;
  readonly populate?: readonly string[];
  readonly strategy?: 'joined' | 'select-in' | 'balanced';
  readonly refresh?: boolean;
  readonly fields?: readonly string[];
  readonly filters?: Filters;
  readonly signal?: Signal;
}

export type RowsGiven = readonly { readonly target: Target; readonly values: Values }[];

/** What is done in an entity manager. */
export type Act =
  | { readonly do: 'create'; readonly target: Target; readonly values: Values }
  | { readonly do: 'assign'; readonly target: Target; readonly values: Values }
  | { readonly do: 'remove'; readonly target: Target }
  /** By the repository, in one call; `written`: and waits until the database has it. */
  | { readonly do: 'save'; readonly target: Target; readonly values: Values; readonly written: boolean }
  | { readonly do: 'erase'; readonly target: Target; readonly written: boolean }
  | {
      readonly do: 'collect';
      readonly target: Target;
      readonly property: string;
      readonly by: 'add' | 'remove' | 'set';
      readonly members: readonly Target[];
      /** Without having been loaded, unless it is. MikroORM then finds by a condition what was in it. */
      readonly unloaded?: boolean;
    }
  | { readonly do: 'flush' }
  | { readonly do: 'clear' }
  | {
      readonly do: 'get';
      readonly target: Target;
      readonly by: 'findOne' | 'findOneOrFail' | 'refresh';
      /** Only if the filters that are on by default let it through. */
      readonly isFiltered?: boolean;
    }
  | { readonly do: 'getMany'; readonly kind: KindName; readonly tags: readonly Target[] }
  | { readonly do: 'query'; readonly query: Query }
  | {
      readonly do: 'populate';
      readonly target: Target;
      readonly properties: readonly string[];
      readonly filters?: Filters;
    }
  | { readonly do: 'insert'; readonly rows: RowsGiven; readonly signal?: Signal }
  | { readonly do: 'upsert'; readonly rows: RowsGiven; readonly signal?: Signal }
  | {
      readonly do: 'nativeUpdate';
      readonly kind: KindName;
      readonly where: Values | readonly Target[];
      readonly values: Values;
      readonly filters?: Filters;
      readonly signal?: Signal;
    }
  | {
      readonly do: 'nativeDelete';
      readonly kind: KindName;
      readonly where: Values | readonly Target[];
      readonly filters?: Filters;
      readonly signal?: Signal;
    }
  | { readonly do: 'bump'; readonly target: Target; readonly by: number }
  | { readonly do: 'increment'; readonly target: Target; readonly by: number }
  | { readonly do: 'patch'; readonly target: Target; readonly values: Values }
  /** In an entity manager of its own that has the signal. Only the last of them asks for anything to be written. */
  | { readonly do: 'signalled'; readonly signal: Signal; readonly acts: readonly Act[] }
  /** `holds`: what is written behind is held and staged with the commit, not written by SQL. */
  | {
      readonly do: 'transaction';
      readonly acts: readonly Act[];
      readonly end: 'commit' | 'rollback';
      readonly holds: boolean;
    };

/** Something that only the world which writes behind does, and nobody may notice. */
export type Nudge = { readonly do: 'drain' } | { readonly do: 'pause'; readonly ms: number };

/** One step: which process does it, and in which of its entity managers. */
export interface Step {
  readonly process: 0 | 1;
  readonly fork: number;
  readonly act: Act | Nudge;
}

export interface Program {
  readonly seed: number;
  readonly steps: readonly Step[];
}
