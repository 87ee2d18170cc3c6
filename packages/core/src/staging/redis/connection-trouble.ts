import type { RedisClient } from './redis-target.js';

/**
 * Why a client is not connected, in words: the last cause that it was told of since it was connected. ioredis tells the
 * consequences too, and those as an error of each command; they say nothing
 * to whoever has to mend it.
 */
export class ConnectionTrouble {
  #cause: Error | undefined;

  constructor(client: RedisClient) {
    client.on('error', (error: Error) => this.note(error));
    client.on('sentinelError', (error: Error) => this.note(error));
    client.on('ready', () => {
      this.#cause = undefined;
    });
  }

  get cause(): Error | undefined {
    return this.#cause;
  }

  note(error: Error): void {
    if (isConsequence(error)) return;
    const [, sentinel] = UNKNOWN_MASTER.exec(error.message) ?? [];
    this.#cause = sentinel ? new Error(`the sentinel ${sentinel} knows no such master`, { cause: error }) : error;
  }
}

/** It says so by an answer that is nothing, or by an error. */
const UNKNOWN_MASTER = /to sentinel (\S+) (?:successfully, but got an invalid reply|because ERR No such master)/u;

/** `All sentinels are unreachable` is said too where they have answered; each of them has been told of by then. */
function isConsequence({ message }: Error): boolean {
  return (
    message.startsWith("Stream isn't writeable") ||
    message.startsWith('Connection is closed') ||
    message.startsWith('All sentinels are unreachable')
  );
}

/** The command by which a connection takes a database has failed; ioredis goes on, in database 0. */
export function isSelectRefusal(error: Error): boolean {
  const command: unknown = Reflect.get(error, 'command');
  return typeof command === 'object' && command !== null && Reflect.get(command, 'name') === 'select';
}
