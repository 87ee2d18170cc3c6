import { nextTick } from 'node:process';
import { type Argument, text, type Reply } from './connection.js';

/** Scripts that do the same for one shard after the other, and answer for each. */
export type ActName = 'dueMake' | 'duePending' | 'claim' | 'claimed' | 'acknowledge' | 'cacheFill';

/** What is asked of one shard. */
export interface Act {
  readonly shard: number;
  /** Arguments that stand once in a call, for all its shards. */
  readonly shared: readonly Argument[];
  /** Arguments of this shard alone. */
  readonly own: readonly Argument[];
  /**
   * How much of the rows that one call may be about this act is about, as far as its caller knows: 1 for all of them.
   * Scripts that know more of their rows than their callers answer `later` for shards that are too many.
   */
  readonly share?: number;
}

/** Most shards of one call: as many as one call can be about without keeping Redis busy for long. */
export const MOST_SHARDS = 64;

interface Waiting extends PromiseWithResolvers<Reply> {
  readonly act: Act;
}

interface Call {
  readonly name: ActName;
  readonly shared: readonly Argument[];
  /** Shard -> what is asked of it. */
  readonly members: ReadonlyMap<number, Waiting>;
}

interface OpenCall extends Call {
  readonly members: Map<number, Waiting>;
  share: number;
}

/**
 * Sends the acts that are asked of several shards in one turn of the process as one call. What is asked of one shard
 * leaves in the order in which it was asked. An error concerns the shard that has answered it.
 */
export class GatheredActs {
  readonly #send: (name: ActName, acts: readonly Act[]) => Promise<readonly (Reply | Error)[]>;
  #open: OpenCall[] = [];

  /** @param send sends one call, and tells what each shard has answered */
  constructor(send: (name: ActName, acts: readonly Act[]) => Promise<readonly (Reply | Error)[]>) {
    this.#send = send;
  }

  async answerTo(name: ActName, act: Act): Promise<Reply> {
    const waiting: Waiting = { act, ...Promise.withResolvers<Reply>() };
    // Callers that wait for one reply of Redis go on in one turn. The next tick comes behind all of them.
    if (this.#open.length === 0) nextTick(() => this.leave());
    this.#callFor(name, act).members.set(act.shard, waiting);
    return waiting.promise;
  }

  /** Sends what waits. */
  leave(): void {
    if (this.#open.length === 0) return;
    const left = this.#open;
    this.#open = [];
    for (const call of left) this.#ask(call).catch(() => undefined);
  }

  /** The call that has room for the act, behind all that was asked of its shard. */
  #callFor(name: ActName, { shard, shared, share = 0 }: Act): OpenCall {
    const takes = Math.max(share, 1 / MOST_SHARDS);
    for (const call of this.#open.toReversed()) {
      if (call.members.has(shard)) break;
      if (call.name !== name || !isSame(call.shared, shared) || call.share + takes > 1) continue;
      call.share += takes;
      return call;
    }
    const call = { name, shared, members: new Map<number, Waiting>(), share: takes };
    this.#open.push(call);
    return call;
  }

  /** Never rejects. */
  async #ask({ name, shared, members }: Call): Promise<void> {
    const waiting = [...members.values()];
    try {
      const answers = await this.#send(
        name,
        waiting.map(({ act }) => act),
      );
      const later = waiting.filter((_, at) => isLater(answers[at]));
      // Before the answers are read, so that Redis works meanwhile.
      if (later.length > 0) {
        const rest = new Map(later.map((each) => [each.act.shard, each]));
        this.#ask({ name, shared, members: rest }).catch(() => undefined);
      }
      for (const [at, { resolve, reject }] of waiting.entries()) {
        const answer = answers[at] as Reply | Error;
        if (answer instanceof Error) reject(answer);
        else if (!isLater(answer)) resolve(answer);
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}

/** True if a call was full before it came to the shard. The first shard of a call is never too late. */
function isLater(answer: Reply | Error | undefined): boolean {
  return answer !== undefined && !(answer instanceof Error) && text(answer[0]) === 'later';
}

function isSame(left: readonly Argument[], right: readonly Argument[]): boolean {
  return left === right || (left.length === right.length && left.every((each, at) => each === right[at]));
}
