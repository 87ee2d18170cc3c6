import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { SCRIPTS } from '../../src/staging/redis/scripts.js';
import type { MonitoredCommand } from './monitored.js';

/** A key that a script has touched, and that its call has not declared. */
export interface Undeclared {
  readonly script: string;
  readonly command: string;
  readonly key: string;
}

/** Where the keys of a command stand among its arguments: the first, the last (-1: the end), and the step between. */
type KeyPlaces = readonly [first: number, last: number, step: number];

/** Compares the keys that scripts touch with those that their calls declare. Redis has one thread: a script has one. */
export class KeyAudit {
  readonly undeclared: Undeclared[] = [];
  /** Names of the scripts that have touched a key. */
  readonly scripts = new Set<string>();
  readonly #places: ReadonlyMap<string, KeyPlaces>;
  readonly #names: ReadonlyMap<string, string>;
  #running: { readonly name: string; readonly keys: ReadonlySet<string> } | undefined;

  private constructor(places: ReadonlyMap<string, KeyPlaces>) {
    this.#places = places;
    this.#names = new Map(Object.values(SCRIPTS).map(({ sha, name }) => [sha, name]));
  }

  /** @param client asks the server itself where the keys of a command stand */
  static async by(client: Redis): Promise<KeyAudit> {
    const all = (await client.call('COMMAND')) as readonly (readonly [string, number, unknown, ...number[]])[];
    return new KeyAudit(
      new Map(all.map(([name, , , first = 0, last = 0, step = 0]) => [name.toLowerCase(), [first, last, step]])),
    );
  }

  note({ isOfScript, args }: MonitoredCommand): void {
    const [name = '', ...rest] = args;
    const command = name.toLowerCase();
    if (isOfScript) this.#noteInScript(command, args);
    else if (command === 'evalsha' || command === 'eval') this.#begin(command, rest);
    else this.#running = undefined;
  }

  #begin(command: string, [script = '', count = '0', ...rest]: readonly string[]): void {
    const sha = command === 'evalsha' ? script : createHash('sha1').update(Buffer.from(script, 'latin1')).digest('hex');
    this.#running = { name: this.#names.get(sha) ?? 'unknown', keys: new Set(rest.slice(0, Number(count))) };
  }

  #noteInScript(command: string, args: readonly string[]): void {
    const { name, keys } = this.#running ?? { name: 'none', keys: new Set() };
    this.scripts.add(name);
    const places = this.#places.get(command);
    if (places === undefined) throw new Error(`The server has no command ${command}`);
    for (const key of keysOf(args, places)) if (!keys.has(key)) this.undeclared.push({ script: name, command, key });
  }
}

function keysOf(args: readonly string[], [first, last, step]: KeyPlaces): readonly string[] {
  if (first === 0) return [];
  const end = last < 0 ? args.length + last : last;
  return args.filter((_, at) => at >= first && at <= end && (at - first) % step === 0);
}
