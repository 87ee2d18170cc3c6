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
    const unknown = /^connected to sentinel (\S+) successfully, but got an invalid reply/u.exec(error.message);
    this.#cause = unknown
      ? new Error(`the sentinel ${unknown[1]} knows no such master, or no primary of it`, { cause: error })
      : error;
  }
}

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
