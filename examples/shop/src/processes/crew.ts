import type { Figures } from './figures.js';

export type Role = 'application' | 'worker';

/** Applications serve visitors and stage what these change; workers write it to PostgreSQL. */
export interface Crew extends AsyncDisposable {
  /** Starts all of them, and waits until they work. Answers who they are. */
  start(): Promise<string>;
  figures(): Figures;
  /** Kills the oldest process of a role with `kill -9` and starts another one. */
  replace(role: Role): Promise<Replacement>;
  /** Lets a role finish what it is doing. */
  stop(role: Role): Promise<void>;
}

export interface Replacement {
  readonly victim: Member;
  readonly successor: Member;
}

interface Member {
  readonly name: string;
  readonly pid: number;
}
