import { type CallEnd, type CallSender, endOf, type UnitEnd } from './senders.js';
import type { RulesByEntity } from './entity-rules.js';
import { SpillwayError } from '../errors.js';
import type { Tier } from '../policy/durability.js';
import type { StageGroup, StageSide, StageUnit } from './stage-side.js';

/** Most groups that are on their way to one server: one slow answer does not stop the others (R15). */
const PLACES = 2;

/**
 * Most changes of a group, less than a millisecond of the server's time, and most bytes. A unit that is larger goes
 * alone. Of many callers a part then waits for the server while it works for another part.
 */
const MOST_CHANGES = 32;
const MOST_BYTES = 256 * 1024;

/** A unit that waits for a place. */
interface Waiting {
  readonly unit: StageUnit;
  readonly rules: RulesByEntity;
  readonly untilMs: number;
  readonly resolve: (end: UnitEnd) => void;
}

/**
 * The units of work that go to one server, at one tier. There is no timer for them: with a place free, what comes in
 * leaves in the
 * same turn; while all places are taken, what comes in collects, and leaves together. A place is freed by an answer, or
 * by a failure, and nothing else is waited for in it (R15).
 */
export class Groups {
  readonly #store: Pick<StageSide, 'stage'>;
  readonly #sender: CallSender;
  readonly #nextId: () => string;
  readonly #tier: Tier;
  #waiting: Waiting[] = [];
  #onTheWay = 0;
  #isLeaving = false;
  #watch: NodeJS.Timeout | undefined;

  /** @param tier of all its units. A group that waits for replicas, or for a disk, holds up no other */
  constructor(store: Pick<StageSide, 'stage'>, sender: CallSender, nextId: () => string, tier: Tier = 'primary') {
    this.#store = store;
    this.#tier = tier;
    this.#sender = sender;
    this.#nextId = nextId;
  }

  /**
   * Sends a unit in the next group that has room for it.
   *
   * @param untilMs when its time is up, as `performance.now()` tells it: if it still waits then, it never leaves (R11)
   * @param signal takes it out as well, while it waits
   */
  async add(unit: StageUnit, rules: RulesByEntity, untilMs: number, signal?: AbortSignal): Promise<UnitEnd> {
    const { promise, resolve } = Promise.withResolvers<UnitEnd>();
    const waiting: Waiting = { unit, rules, untilMs, resolve };
    this.#waiting.push(waiting);
    if (this.#onTheWay < PLACES) this.#leaveSoon();
    else this.#watchTimes();
    if (signal === undefined) return promise;
    const withdraw = (): void => this.#takeOut((each) => each === waiting);
    signal.addEventListener('abort', withdraw, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', withdraw);
    }
  }

  /** After all callers of this turn have come. */
  #leaveSoon(): void {
    if (this.#isLeaving || this.#waiting.length === 0) return;
    this.#isLeaving = true;
    process.nextTick(() => {
      this.#isLeaving = false;
      while (this.#onTheWay < PLACES && this.#waiting.length > 0) this.#send(this.#next());
      if (this.#waiting.length > 0) this.#watchTimes();
    });
  }

  /** Takes the units of the next group out of those that wait. All its units have the same rules. */
  #next(): readonly Waiting[] {
    const [first] = this.#waiting;
    let [count, changes, bytes] = [0, 0, 0];
    for (const { unit, rules } of this.#waiting) {
      changes += unit.changes.length;
      bytes += sizeOf(unit);
      if (count > 0 && (rules !== first?.rules || changes > MOST_CHANGES || bytes > MOST_BYTES)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #send(members: readonly Waiting[]): void {
    const [first] = members;
    const group: StageGroup = {
      id: this.#nextId(),
      units: members.map(({ unit }) => unit),
      rules: first?.rules ?? {},
      ...(this.#tier !== 'primary' && { tier: this.#tier }),
    };
    const untilMs = members.reduce((earliest, each) => Math.min(earliest, each.untilMs), Number.POSITIVE_INFINITY);
    this.#onTheWay += 1;
    const free = (): void => {
      this.#onTheWay -= 1;
      this.#leaveSoon();
    };
    const tell = (end: CallEnd): void => members.forEach(({ resolve }, place) => resolve(endOf(end, group, place)));
    // A failure that nobody has foreseen leaves the group to be fenced.
    this.#sender
      .send(group, async () => this.#store.stage(group), untilMs, free)
      .then(tell, () => tell({ status: 'unknown' }));
  }

  /** One timer for all that wait. It does not keep the process alive: what is on its way does. */
  #watchTimes(): void {
    if (this.#watch !== undefined) return;
    const earliestMs = this.#waiting.reduce((earliest, each) => Math.min(earliest, each.untilMs), Infinity);
    this.#watch = setTimeout(
      () => {
        this.#watch = undefined;
        const nowMs = performance.now();
        this.#takeOut(({ untilMs }) => untilMs <= nowMs);
        if (this.#waiting.length > 0) this.#watchTimes();
      },
      Math.max(1, earliestMs - performance.now()),
    ).unref();
  }

  #takeOut(isOut: (waiting: Waiting) => boolean): void {
    const out = this.#waiting.filter(isOut);
    this.#waiting = this.#waiting.filter((each) => !isOut(each));
    for (const { resolve } of out) resolve({ status: 'not-run', error: neverLeft() });
  }
}

/** About how many bytes a unit takes. */
function sizeOf({ changes }: StageUnit): number {
  let size = 0;
  for (const { rowKey, values, originals } of changes) {
    size += rowKey.length;
    for (const name in values) size += (values[name] as string).length;
    for (const name in originals) size += (originals[name] as string).length;
  }
  return size;
}

function neverLeft(): SpillwayError {
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    'The staging store has not answered the calls before this one in time; nothing of it was sent. Try again when it is back',
  );
}
