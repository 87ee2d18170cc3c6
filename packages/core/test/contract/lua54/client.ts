import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { SCRIPTS } from '../../../src/staging/redis/scripts.js';
import type { Answer, Lua54 } from './lua54.js';

const sources = new Map(Object.values(SCRIPTS).map(({ sha, source }) => [sha, source]));

/** The scripts that have been run. */
export const ran: Set<string> = new Set();

/**
 * A client of Redis whose scripts are run by Lua 5.4 in this process, each as a whole: their commands go to the server
 * one by one, while all other calls wait.
 */
export function clientOf(url: string, lua: Lua54): Redis {
  const client = new Redis(url, { lazyConnect: true });
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => {
    const twin = duplicate(override);
    const send = twin.callBuffer.bind(twin) as unknown as (name: string, args: readonly unknown[]) => Promise<unknown>;
    // In small letters, ioredis would make an object of what HGETALL answers.
    const ask = async (words: readonly Buffer[]): Promise<Answer> =>
      send(String(words[0]).toUpperCase(), words.slice(1)).catch((error: unknown) => error) as Promise<Answer>;
    twin.callBuffer = async (name: string, ...rest: readonly unknown[]) => {
      const args = rest.flat() as readonly (Buffer | string | number)[];
      return inTurn(async () => (name.startsWith('EVAL') ? runScript(name, args, lua, ask) : send(name, args)));
    };
    return twin;
  };
  return client;
}

let last: Promise<unknown> = Promise.resolve();

async function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const turn = last.then(act);
  last = turn.catch(() => undefined);
  return turn;
}

async function runScript(
  name: string,
  [script = '', count = 0, ...rest]: readonly (Buffer | string | number)[],
  lua: Lua54,
  ask: (words: readonly Buffer[]) => Promise<Answer>,
): Promise<unknown> {
  const source = name === 'EVAL' ? String(script) : sources.get(String(script));
  if (source === undefined) throw replyError('NOSCRIPT No matching script');
  ran.add(createHash('sha1').update(source).digest('hex'));
  const bytes = rest.map((each) => (each instanceof Buffer ? each : Buffer.from(String(each))));
  const answer = await lua.run(source, bytes.slice(0, Number(count)), bytes.slice(Number(count)), ask);
  if (answer instanceof Error) throw replyError(answer.message);
  return answer;
}

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}
