import type { ChangeSink, PreparedSink } from './change-sink.js';

/** A map of shards, as the database notes it while it is changed. */
interface NotedMap {
  /** Another text for every other map. */
  readonly text: string;
  readonly shards: number;
}

/**
 * `draining`: what is pending is written, and the old map can be opened again. `switching`: nothing is pending, and the
 * shards go to their new places.
 */
export type MapPhase = 'draining' | 'switching';

/** A move of shards that has begun and not ended. */
export interface MapChange {
  readonly from: NotedMap;
  readonly to: NotedMap;
  readonly phase: MapPhase;
}

/** Moves of the shards of one namespace. While one is noted, no process can open the namespace. */
export interface MapChanges {
  current(): Promise<MapChange | undefined>;
  /** Notes a move, unless one is noted. Answers the one that is. */
  begin(change: Omit<MapChange, 'phase'>): Promise<MapChange>;
  enter(phase: MapPhase): Promise<void>;
  /** Makes the shards that are missing, up to this number. */
  grow(shards: number): Promise<void>;
  /** Ends the move: the new map counts, with so many shards. Who has opened the namespace before is told so. */
  end(shards: number): Promise<void>;
  /** Ends a move that has moved nothing: the old map counts again, as if there had been none. */
  giveUp(): Promise<void>;
}

/** The right to move the shards of a namespace. One process has it at a time. It ends with its connection. */
export interface MoveRight extends AsyncDisposable {
  /** @throws SpillwayError `DATABASE_UNAVAILABLE` if the right is lost: another process may have it now */
  assure(): Promise<void>;
}

/** A sink whose database can note another map of shards. */
export interface MovingSink extends ChangeSink {
  /** `undefined`: another process has it. */
  takeMoveRight(): Promise<MoveRight | undefined>;

  readonly maps: MapChanges;

  /** As `prepare` of any number of shards, also while they are moved: for the process that moves them. */
  prepareMove(ensure: boolean): Promise<PreparedSink>;
}
