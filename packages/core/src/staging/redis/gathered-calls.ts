import { nextTick } from 'node:process';
import type { RowKey } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import { callsOf, groupsOf, type Asked, type RowGroup } from './look-groups.js';
import { ROWS_PER_CALL } from './parts-of.js';

interface Waiting<Answer> extends PromiseWithResolvers<ReadonlyMap<RowKey, Answer>> {
  readonly asked: Asked<Answer>;
}

/** Hands a failure to the one caller whose row it is about. */
export type Fail<Answer> = (of: Asked<Answer>, error: unknown) => void;

/**
 * Sends the questions of one turn of the process together, over all their shards: few as one call, many as two. While
 * the process reads the answer of one half, Redis computes the other. A caller goes on when its own rows are answered.
 * A question that comes later joins the next call, because the answer of a call that has left may be older than the
 * question.
 */
export class GatheredCalls<Answer> {
  readonly #shards: number;
  readonly #ask: (call: readonly RowGroup<Answer>[], fail: Fail<Answer>) => Promise<void>;
  readonly #rowsOfOne: number;
  #waiting: Waiting<Answer>[] = [];

  /**
   * @param ask sends a call, and puts the answers where they belong
   * @param rowsOfOne questions about more rows leave in two calls
   */
  constructor(
    shards: number,
    ask: (call: readonly RowGroup<Answer>[], fail: Fail<Answer>) => Promise<void>,
    rowsOfOne: number = ROWS_PER_CALL,
  ) {
    this.#rowsOfOne = rowsOfOne;
    this.#shards = shards;
    this.#ask = ask;
  }

  async of(keys: readonly RowKey[], table = ''): Promise<ReadonlyMap<RowKey, Answer>> {
    const waiting: Waiting<Answer> = { asked: { table, keys, found: new Map() }, ...Promise.withResolvers() };
    // Callers that wait for one reply of Redis go on in one turn. The next tick comes behind all of them.
    if (this.#waiting.push(waiting) === 1) nextTick(() => this.#leave());
    return waiting.promise;
  }

  #leave(): void {
    const left = this.#waiting;
    this.#waiting = [];
    this.#answer(left).catch((error: unknown) => {
      for (const { reject } of left) reject(error);
    });
  }

  async #answer(left: readonly Waiting<Answer>[]): Promise<void> {
    const failures = new Map<Asked<Answer>, unknown>();
    const groups = groupsOf(
      left.map(({ asked }) => asked),
      this.#shards,
    );
    const calls = callsOf(groups, rowsPerCall(groups, this.#rowsOfOne));
    const open = callsOfEach(calls);
    const end = ({ asked, resolve, reject }: Waiting<Answer>): void => {
      if (failures.has(asked)) reject(failures.get(asked));
      else resolve(asked.found);
    };
    for (const waiting of left) if (!open.has(waiting.asked)) end(waiting);
    await Promise.all(
      calls.map(async (call) => {
        await this.#send(call, failures);
        const answered = askersOf(call);
        for (const asked of answered) open.set(asked, (open.get(asked) ?? 1) - 1);
        for (const waiting of left) if (answered.has(waiting.asked) && open.get(waiting.asked) === 0) end(waiting);
      }),
    );
  }

  /** Never rejects. A group that Redis refuses, for example because a key is damaged, fails its own callers alone. */
  async #send(call: readonly RowGroup<Answer>[], failures: Map<Asked<Answer>, unknown>): Promise<void> {
    try {
      await this.#ask(call, (of, error) => void failures.set(of, error));
    } catch (error) {
      if (call.length > 1 && isAnswer(error)) {
        await Promise.all(call.map(async (group) => this.#send([group], failures)));
        return;
      }
      for (const { rows } of call) for (const { of } of rows) failures.set(of, error);
    }
  }
}

/** True if Redis has answered, and would answer the rest of the call. */
function isAnswer(error: unknown): boolean {
  return !(error instanceof SpillwayError) || error.code === 'CONFIG_INVALID';
}

function rowsPerCall(groups: readonly RowGroup<unknown>[], rowsOfOne: number): number {
  const rows = groups.reduce((sum, group) => sum + group.rows.length, 0);
  return Math.min(ROWS_PER_CALL, Math.max(rowsOfOne, Math.ceil(rows / 2)));
}

/** Question -> the number of calls that have rows of it. */
function callsOfEach<Answer>(calls: readonly (readonly RowGroup<Answer>[])[]): Map<Asked<Answer>, number> {
  const open = new Map<Asked<Answer>, number>();
  for (const call of calls) for (const asked of askersOf(call)) open.set(asked, (open.get(asked) ?? 0) + 1);
  return open;
}

function askersOf<Answer>(call: readonly RowGroup<Answer>[]): ReadonlySet<Asked<Answer>> {
  return new Set(call.flatMap(({ rows }) => rows.map(({ of }) => of)));
}
