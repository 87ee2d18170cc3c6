import { SpillwayError } from '../../errors.js';
import { type Argument, type Reply, text } from './connection.js';
import { epochText, isMoving, LAYOUT, layoutOf, olderEpochText } from './epoch.js';
import { GatheredActs, type Act, type ActName } from './gathered-acts.js';
import { type KeyName, type ShardKeys, shardKeys } from './keys.js';
import { asReplyError } from './redis-errors.js';
import { SCRIPTS, type Script } from './scripts.js';
import type { ServerLink } from './server-link.js';

/** What sends scripts to the server: a connection, or something before one. */
export type ScriptRunner = Pick<ServerLink, 'server' | 'run' | 'command'>;

/** Runs scripts on shards of one server, with their keys and the epoch of this process. */
export class ShardScripts {
  readonly shards: number;
  /** The shards that this server has: all of them, unless there are several servers. */
  readonly own: readonly number[];
  readonly #connection: ScriptRunner;
  readonly #epoch: string;
  /** The epoch that a release of the older layout would have. */
  readonly #older: string;
  #converting: Promise<unknown> | undefined;
  readonly #keysByShard: ShardKeys[] = [];
  readonly #keysFor: (shard: number) => ShardKeys;
  readonly #names = new Map<readonly KeyName[], (readonly string[])[]>();
  readonly #acts = new GatheredActs(async (name, acts) => this.#answersOf(name, acts));

  constructor(connection: ScriptRunner, namespace: string, shards: number, of: ScriptsOf) {
    this.shards = shards;
    this.own = of.own ?? [...Array(shards).keys()];
    this.#connection = connection;
    this.#older = olderEpochText({ ...of, shards });
    this.#epoch = epochText({ ...of, shards });
    this.#keysFor = (shard) => shardKeys(namespace, shard, of.tagOf?.(shard));
  }

  async run(
    name: Exclude<keyof typeof SCRIPTS, ActName>,
    shard: number,
    args: readonly Argument[] = [],
  ): Promise<Reply> {
    const script = SCRIPTS[name];
    const reply = await this.#ask(script, this.#named(shard, script.keys), args);
    if (text(reply[0]) === 'damaged') throw this.damaged(shard, text(reply[1]) as KeyName);
    return reply;
  }

  /** An act on one shard. The same acts of one turn, on other shards of the server, are one call. */
  async act(name: ActName, act: Act): Promise<Reply> {
    return this.#acts.answerTo(name, act);
  }

  /** One call for all shards of the server. */
  async runOnAll(name: 'dueNext' | 'dueHolding', args: readonly Argument[] = []): Promise<Reply> {
    return this.runOn(name, this.own, args);
  }

  /** One call for some shards of one server. */
  async runOn(
    name: 'dueNext' | 'dueHolding' | 'holds' | 'stage',
    shards: readonly number[],
    args: readonly Argument[],
  ): Promise<Reply> {
    const script = SCRIPTS[name];
    return this.#askOn(script, shards, args);
  }

  /** One call for several groups of rows, each of one shard. All shards are on one server. */
  async runOnGroups(name: 'cacheLook' | 'peek', shards: readonly number[], args: readonly Argument[]): Promise<Reply> {
    return this.#askOn(SCRIPTS[name], shards, args);
  }

  async #askOn(script: Script, shards: readonly number[], args: readonly Argument[]): Promise<Reply> {
    return this.#ask(script, this.#keysOf(script, shards), args);
  }

  #keysOf(script: Script, shards: readonly number[]): readonly string[] {
    const keys: string[] = [];
    for (const shard of shards) for (const key of this.#named(shard, script.keys)) keys.push(key);
    return keys;
  }

  /** One call. What a shard answers, another epoch and an error too, concerns that shard alone. */
  async #answersOf(name: ActName, acts: readonly Act[]): Promise<readonly (Reply | Error)[]> {
    const answers = await this.#runActs(SCRIPTS[name], acts);
    const older = acts.filter((_, at) => this.#isOlder(answers[at]));
    if (older.length > 0) {
      const again = await this.#convert()
        .then(async () => this.#runActs(SCRIPTS[name], older))
        .catch((error: unknown) => older.map(() => error as Error));
      for (const [at, act] of older.entries()) answers[acts.indexOf(act)] = again[at] as Reply | Error;
    }
    return answers.map((answer, at) =>
      answer instanceof Error ? answer : this.#answerOf(answer, acts[at]?.shard ?? 0),
    );
  }

  async #runActs(script: Script, acts: readonly Act[]): Promise<(Reply | Error)[]> {
    const args: Argument[] = [this.#epoch, ...(acts[0]?.shared ?? [])];
    for (const { own } of acts) {
      args.push(own.length);
      for (const each of own) args.push(each);
    }
    const keys = this.#keysOf(
      script,
      acts.map(({ shard }) => shard),
    );
    const [, ...answers] = (await this.#connection.run(script, keys, args)) as readonly Reply[];
    return answers;
  }

  #isOlder(answer: Reply | Error | undefined): boolean {
    return Array.isArray(answer) && text(answer[0]) === 'epoch' && text(answer[1]) === this.#older;
  }

  /** An answer that is an error is that error. */
  #answerOf(answer: Reply, shard: number): Reply | Error {
    const said = text(answer[1]);
    switch (text(answer[0])) {
      case 'epoch':
        return this.#mismatch(said);
      case 'damaged':
        return this.damaged(shard, said as KeyName);
      case 'failed':
        return this.unexpected(said);
      default:
        return answer;
    }
  }

  /** The error of a script that has changed nothing: it needs the value of this key, which cannot be read. */
  damaged(shard: number, key: KeyName): SpillwayError {
    return this.#damaged(this.#of(shard)[key]);
  }

  /** The error for what Redis has said within a script, which has gone on without that shard. */
  unexpected(said: string): Error {
    return asReplyError(new Error(said), this.#connection.server);
  }

  async everyShard<T>(act: (shard: number) => Promise<T>): Promise<readonly T[]> {
    return Promise.all(this.own.map(async (shard) => act(shard)));
  }

  async command(
    name: string,
    shard: number,
    key: KeyName | readonly KeyName[],
    args: readonly Argument[] = [],
  ): Promise<unknown> {
    const keys = typeof key === 'string' ? [key] : key;
    this.#acts.leave();
    return this.#connection.command(name, [...keys.map((each) => this.#of(shard)[each]), ...args]);
  }

  /** The names of a script's keys, made once. */
  #named(shard: number, names: readonly KeyName[]): readonly string[] {
    let ofScript = this.#names.get(names);
    if (ofScript === undefined) {
      ofScript = [];
      this.#names.set(names, ofScript);
    }
    const keys = this.#of(shard);
    return (ofScript[shard] ??= names.map((name) => keys[name]));
  }

  #of(shard: number): ShardKeys {
    if (!(shard >= 0 && shard < this.shards))
      throw new RangeError(`There is no shard ${shard}: shards are numbered from 0 to ${this.shards - 1}`);
    return (this.#keysByShard[shard] ??= this.#keysFor(shard));
  }

  async #ask(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    // What was asked before stays before it.
    this.#acts.leave();
    const ask = async (): Promise<Reply> => this.#connection.run(script, keys, [this.#epoch, ...args]);
    const reply = await ask();
    if (text(reply[0]) !== 'epoch') return reply;
    if (text(reply[1]) !== this.#older) throw this.#mismatch(text(reply[1]));
    await this.#convert();
    const again = await ask();
    if (text(again[0]) === 'epoch') throw this.#mismatch(text(again[1]));
    return again;
  }

  /** A process of the older layout may stage in a shard that had no chain. So this may be called again. */
  async #convert(): Promise<void> {
    this.#converting ??= this.everyShard(async (shard) => {
      const keys = this.#named(shard, SCRIPTS.convert.keys);
      return this.#connection.run(SCRIPTS.convert, keys, [this.#epoch, this.#older]);
    }).finally(() => {
      this.#converting = undefined;
    });
    await this.#converting;
  }

  /** The script has changed nothing: the value of this key is needed to stage or settle changes, and cannot be read. */
  #damaged(key: string): SpillwayError {
    return new SpillwayError(
      'CONFIG_INVALID',
      `The key ${key} in Redis at ${this.#connection.server} holds something that Spillway has not written, so nothing was done. See what else writes to this Redis, and end it. ` +
        'Put back a copy of that key, or give Spillway a new namespace; what is staged in that shard stays where it is',
    );
  }

  #mismatch(theirs: string): SpillwayError {
    return new SpillwayError('SHARD_MAP_MISMATCH', this.#mismatchText(theirs));
  }

  #mismatchText(theirs: string): string {
    const { server } = this.#connection;
    const layout = layoutOf(theirs);
    if (layout > LAYOUT)
      return (
        `The staged changes in Redis at ${server} are laid out by a newer release of Spillway (layout ${layout}; this one knows ${LAYOUT}); nothing was done. ` +
        'Update this process'
      );
    if (isMoving(theirs))
      return (
        `The shards of this namespace in Redis at ${server} are moved to another map, or have been moved, by reshard(); nothing was done. ` +
        'Give all processes the new servers and the new "shards". If the move was interrupted, run it again'
      );
    const [epoch, shards, database] = this.#epoch.split('/');
    const [theirEpoch, theirShards, theirDatabase] = theirs.split('/');
    if (epoch === theirEpoch && shards === theirShards) {
      return (
        `The staged changes in Redis at ${server} belong to another database (${theirDatabase}) than the one of this process (${database}); nothing was done. ` +
        'Give each database a namespace of its own; if what is staged is of no use any more, remove the keys of the namespace'
      );
    }
    return (
      `The staged changes in Redis at ${server} are spread by the shard map ${theirEpoch}/${theirShards} (epoch/shards), but this process uses ${epoch}/${shards}; ` +
      'nothing was done. Give all processes the same "shards" and the same servers in "redis", or drain before you change them'
    );
  }
}

export interface ScriptsOf {
  /** All processes must agree on it. */
  readonly epoch: string;
  /** Whose changes these are. All processes must agree on it too. */
  readonly database?: string | undefined;
  /** The shards of this server, if it does not have all. */
  readonly own?: readonly number[];
  /** The hash tag of the keys of a shard. @defaultValue namespace and shard */
  readonly tagOf?: (shard: number) => string;
}
