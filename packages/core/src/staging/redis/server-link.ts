import type { Script } from './scripts.js';
import type { ServerKind } from './server-kind.js';

export type Argument = string | number | Buffer;

/** The way to one server: a connection, or the server of a cluster that has some slot now. */
export interface ServerLink {
  /** Where the server is, for messages. */
  readonly server: string;
  /** Runs a script by its digest. Sends the script itself if the server does not have it (any more). */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown[]>;
  /** A plain command, without a script. Answers buffers. */
  command(name: string, args: readonly Argument[]): Promise<unknown>;
  /** The id of this run of the server. `undefined`: the server does not tell. */
  serverRun(): Promise<string | undefined>;
  /** Which program answers, and what it can do. */
  serverKind(): Promise<ServerKind>;
  close(): Promise<void>;
}
