import type { RedisClient } from './redis-target.js';

/**
 * Why a client is not connected, in words: the last cause since it was connected. ioredis reports consequences too, as
 * an error of each command. They do not help to mend the connection, so they are left out.
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

/** The sentinel answers nothing, or an error. */
const UNKNOWN_MASTER = /to sentinel (\S+) (?:successfully, but got an invalid reply|because ERR No such master)/u;

/** ioredis says `All sentinels are unreachable` even if they have answered. It has reported each of them by then. */
function isConsequence({ message }: Error): boolean {
  return (
    message.startsWith("Stream isn't writeable") ||
    message.startsWith('Connection is closed') ||
    message.startsWith('All sentinels are unreachable')
  );
}

/** SELECT, by which a connection takes its database, has failed. ioredis goes on, in database 0. */
export function isSelectRefusal(error: Error): boolean {
  const command: unknown = Reflect.get(error, 'command');
  return typeof command === 'object' && command !== null && Reflect.get(command, 'name') === 'select';
}
