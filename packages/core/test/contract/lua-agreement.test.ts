import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change, ChangeKind, Missing } from '../../src/change/change.js';
import type { Outcome } from '../../src/change/outcome.js';
import { type RowKey, rowKeyOf } from '../../src/change/row-key.js';
import { memoryStaging } from '../../src/staging/memory/memory-staging.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { Batch } from '../../src/staging/flush-side.js';
import type { StagedMark } from '../../src/staging/look-side.js';
import type { DeadLetter } from '../../src/staging/dead-letter-store.js';
import type { StagingStore } from '../../src/staging/staging-store.js';
import { stageOne, usable, type StageAnswer } from '../../src/testing/contract/one-unit.js';

/**
 * Every history goes through both adapters, which must answer alike and be left alike: Lua and TypeScript hold the same
 * rules.
 */

const ROWS = [
  ['product', '1'],
  ['product', '2'],
  ['product_price', '3'],
].map(([table = '', key = '']) => rowKeyOf({ schema: 'public', table, key: [key] }));
const PRODUCT = { kind: 'tables', tables: [{ schema: 'public', table: 'product' }] } as const;
const BOTH = { kind: 'tables', tables: [...PRODUCT.tables, { schema: 'public', table: 'product_price' }] } as const;
const KINDS: readonly ChangeKind[] = ['insert', 'update', 'upsert', 'delete', 'increment'];
const RULES = { debounceMs: 0, maxDelayMs: 0, maxPending: 4, maxRecordBytes: 400 };
/** Some calls keep steps apart. */
const rulesOf = (number: number) => ({
  Product: { ...RULES, ...(number % 4 === 0 && { steps: number % 8 === 0 ? ('all' as const) : ['a', 'stock'] }) },
});

const version = fc.constantFrom('1', '2', '9', '10', '11', '9223372036854775806', '9223372036854775807');
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });
const texts = (value: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> =>
  fc.dictionary(fc.constantFrom('a', 'b', 'stock'), value, { maxKeys: 3 });
const delta = fc.constantFrom('1', '-1', '0', '9007199254740993', '9223372036854775807', '-9223372036854775808');

/** What is done where the row is not there: of increments alone. */
const missing: fc.Arbitrary<Missing | undefined> = fc.oneof(
  fc.constantFrom(undefined, 'drop' as const),
  texts(fc.constantFrom('"made"', '7')).map((create) => ({ create })),
);

const changes = fc.array(
  fc.record({
    row: fc.nat(ROWS.length - 1),
    kind: fc.constantFrom(...KINDS),
    base: maybe(version),
    version: maybe(version),
    values: texts(fc.constantFrom('1', '"x"', `"${'y'.repeat(150)}"`)),
    deltas: texts(delta),
    originals: texts(fc.constantFrom('0', '1')),
    isRowBase: maybe(fc.constant(true as const)),
    missing,
  }),
  { minLength: 1, maxLength: 3 },
);
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'applied' }),
  version.map<Outcome>((to) => ({ kind: 'version', version: to })),
  maybe(version).map<Outcome>((seen) => ({ kind: 'superseded', ...(seen === undefined ? {} : { version: seen }) })),
  fc.tuple(fc.nat(3), maybe(fc.constant(true as const))).map<Outcome>(([attempts, keepsPause]) => ({
    kind: 'again',
    attempts,
    delayMs: 0,
    reason: 'parent',
    ...(keepsPause && { keepsPause }),
  })),
  fc
    .record({ seen: maybe(version), rejected: fc.boolean(), counted: fc.boolean() })
    .map<Outcome>(({ seen, rejected, counted }) => ({
      kind: 'buried',
      code: 'CONFLICT',
      reason: 'newer',
      ...(rejected && { message: 'all that was said' }),
      rejected,
      counted,
      ...(seen === undefined ? {} : { version: seen }),
    })),
);
/** With the number of a part that a transaction has added to a batch, an outcome covers it. */
const coveringOutcome: fc.Arbitrary<Outcome> = fc
  .tuple(outcome, maybe(fc.integer({ min: 1, max: 3 })))
  .map(([end, part]) => (part === undefined ? end : { ...end, part }));
const step = fc.oneof(
  { weight: 4, arbitrary: changes.map((staged) => ({ act: 'stage' as const, staged })) },
  {
    weight: 4,
    arbitrary: fc
      .array(changes, { minLength: 2, maxLength: 4 })
      .map((units) => ({ act: 'stage group' as const, units })),
  },
  { weight: 3, arbitrary: fc.constant({ act: 'claim' as const }) },
  {
    weight: 3,
    arbitrary: fc
      .array(coveringOutcome, { minLength: 3, maxLength: 3 })
      .map((outcomes) => ({ act: 'end' as const, outcomes })),
  },
  {
    weight: 3,
    // As a transaction does: it gets the batch, and what is staged meanwhile is added to it.
    arbitrary: fc.record({
      act: fc.constant('extend' as const),
      staged: changes,
      rows: fc.subarray(ROWS),
      // What the ledger says of the rows before, if it says anything.
      entered: fc.array(maybe(coveringOutcome), { minLength: 3, maxLength: 3 }),
      isLate: fc.nat(4).map((one) => one === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('retry' as const), letter: fc.nat(3), force: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('empty' as const), committed: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('park' as const, 'apply' as const).map((onLoss) => ({ act: 'park' as const, onLoss })),
  },
);
const transaction = fc.constantFrom('A', 'B');
const heldStep = fc.oneof(
  fc.record({ act: fc.constant('hold' as const), transaction, held: changes, fallen: fc.boolean() }),
  fc.record({ act: fc.constant('stage held' as const), transaction, written: fc.subarray(ROWS, { maxLength: 1 }) }),
  fc.record({ act: fc.constant('drop' as const), transaction }),
);
const anyStep = fc.oneof({ weight: 14, arbitrary: step }, { weight: 8, arbitrary: heldStep });
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

/** One store, and what a step answers there, without times. */
class Side {
  readonly store: StagingStore;
  #last = 'T0';
  #tokens = 0;
  /** The batch that was handed out last. */
  #handed: Pick<Batch, 'token' | 'attempts' | 'records'> = { token: 'TX', attempts: 1, records: new Map() };
  readonly #marks: StagedMark[] = [];
  /** Transaction -> its holds that stand. */
  readonly #holds = new Map<string, string[]>([
    ['A', []],
    ['B', []],
  ]);

  constructor(store: StagingStore) {
    this.store = store;
  }

  async take(taken: Step, number: number): Promise<unknown> {
    try {
      return await this.#act(taken, number);
    } catch (error) {
      return String(error);
    }
  }

  async #act(taken: Step, number: number): Promise<unknown> {
    switch (taken.act) {
      case 'stage':
        return this.#stage(taken.staged, number);
      case 'stage group': {
        const units = taken.units.map((unit) => ({ changes: unit.map(changeOf) }));
        const group = { id: `group-${number}`, units, rules: rulesOf(number) };
        const answers = [await this.store.stage(group), await this.store.stage(group), await this.store.fence(group)];
        const judged = answers.map((answer) => (answer.status === 'judged' ? answer.units.map(usable) : []));
        for (const answer of judged[0] ?? []) this.#noteMarks(answer);
        return judged.map((unitAnswers) => unitAnswers.map(withoutTime));
      }
      case 'claim':
        return this.#claim();
      case 'extend':
        return [await this.#claim(), await this.#stage(taken.staged, number), await this.#extend(taken)];
      case 'end':
        return this.#end(taken.outcomes);
      case 'hold': {
        const standing = this.#holds.get(taken.transaction) ?? [];
        if (taken.fallen) standing.pop();
        const call = { shard: 0, id: `hold-${number}`, changes: taken.held.map(changeOf), rules: rulesOf(number) };
        const { transaction: owner } = taken;
        const answer = usable(await this.store.held.hold({ ...call, transaction: owner, standing: [...standing] }));
        if (answer.status === 'staged') standing.push(call.id);
        return withoutTime(answer);
      }
      case 'stage held': {
        const ids = this.#holds.get(taken.transaction)?.splice(0) ?? [];
        const staged = await this.store.held.stage(0, new Map(ids.map((id) => [id, taken.written])));
        return staged.toSorted();
      }
      case 'drop':
        return this.store.held.drop(0, this.#holds.get(taken.transaction)?.splice(0) ?? []);
      case 'retry': {
        const letter = (await this.#letters())[taken.letter]?.letter;
        return letter === undefined ? 'none' : this.store.deadLetters.retry(letter, { force: taken.force });
      }
      case 'park': {
        const token = await this.#tokenInFlight();
        const report = await this.store.park(0, { inFlight: token, last: this.#last }, `P${number}`, taken.onLoss);
        this.#last = `P${number}`;
        return report;
      }
      case 'empty': {
        // What is in flight may have been committed; then its token is the last that the database knows.
        const token = await this.#tokenInFlight();
        const last = taken.committed && token !== '' ? token : this.#last;
        const report = await this.store.empty(0, PRODUCT, last);
        if ((await this.#tokenInFlight()) === '') this.#last = last;
        return report;
      }
      default:
        return taken satisfies never;
    }
  }

  /** Every change that was accepted, to ask later what became of it. */
  #noteMarks(answer: StageAnswer | undefined): void {
    if (answer?.status !== 'staged') return;
    this.#marks.push(...answer.marks.map(({ rowKey, sequence }) => ({ rowKey, sequence })));
  }

  async state(): Promise<unknown> {
    const found = await this.store.peek(ROWS);
    return {
      rows: ROWS.map((row) => {
        const { dirty, inFlight, recent, held = [] } = found.get(row) ?? {};
        return {
          dirty: dirty && { ...dirty, firstAtMs: 0 },
          inFlight: inFlight && { ...inFlight, record: { ...inFlight.record, firstAtMs: 0 } },
          recent,
          held: held.map((layer) => ({ ...layer, record: { ...layer.record, firstAtMs: 0 } })),
        };
      }),
      // Ages differ by the moment of the question.
      stats: { ...(await this.store.stats()), oldestMs: undefined, servers: undefined },
      settled: await this.store.settled(this.#marks),
      holds: (await this.store.held.list()).map(({ id, transaction: owner }) => `${id} ${owner}`).toSorted(),
      // Told by counts in one store, by the rows themselves in the other.
      any: await this.store.due.any(BOTH),
      letters: (await this.#letters()).map(({ text }) => text),
    };
  }

  /** In an order of their content: those that are made in one act have none of their own. */
  async #letters(): Promise<readonly { readonly letter: DeadLetter; readonly text: string }[]> {
    const letters = (await this.store.deadLetters.list()).map((letter) => {
      const { rowKey, code, reason, message, token, record } = letter;
      return { letter, text: JSON.stringify([rowKey, code, reason, message ?? '', token, sorted(record)]) };
    });
    return letters.toSorted((left, right) => (left.text < right.text ? -1 : 1));
  }

  async #stage(staged: typeof changes extends fc.Arbitrary<infer T> ? T : never, number: number): Promise<unknown> {
    const call = { shard: 0, id: `call-${number}`, changes: staged.map(changeOf), rules: rulesOf(number) };
    const answers: StageAnswer[] = [
      usable(await this.store.check(call, call.rules)),
      await stageOne(this.store, call),
      await stageOne(this.store, call),
    ];
    this.#noteMarks(answers[1]);
    return answers.map(withoutTime);
  }

  async #claim(): Promise<unknown> {
    this.#tokens += 1;
    const claim = await this.store.claim(0, { token: `T${this.#tokens}`, predecessor: this.#last, limit: 10 });
    if (claim.status !== 'batch') return claim;
    this.#handed = claim.batch;
    return { ...claim.batch, claimedAtMs: 0, records: plainRecords(claim.batch.records) };
  }

  async #extend({ rows, entered, isLate }: Extract<Step, { act: 'extend' }>): Promise<unknown> {
    const { token, attempts } = this.#handed;
    const outcomes = new Map(ROWS.flatMap((row, index) => (entered[index] ? [[row, entered[index]] as const] : [])));
    // Somebody who got the batch before it was handed out again comes too late.
    const request = { token, attempts: isLate ? attempts - 1 : attempts, outcomes, rows };
    const extension = await this.store.extend(0, request);
    if (!extension) return extension;
    met += extension.added.size;
    const added = ROWS.map((row) => {
      const { before, record } = extension.added.get(row) ?? {};
      return [before && { ...before, firstAtMs: 0 }, record && { ...record, firstAtMs: 0 }];
    });
    return { part: extension.part, added };
  }

  async #end(outcomes: readonly Outcome[]): Promise<boolean> {
    const token = await this.#tokenInFlight();
    const byRow = new Map<RowKey, Outcome>(ROWS.map((row, index) => [row, outcomes[index] ?? { kind: 'applied' }]));
    // A caller that has read the batch tells what it has read, even if something was added or taken out since.
    const isHanded = this.#handed.token === token;
    const [rows, records] = isHanded ? [[...this.#handed.records.keys()], this.#handed.records] : [[], undefined];
    const isPlain = ({ kind, part }: Outcome): boolean => kind === 'applied' && part === undefined;
    const special = new Map([...byRow].filter(([, each]) => !isPlain(each)));
    const done = await this.store.acknowledge(0, token === '' ? 'TX' : token, special, rows, records);
    if (done) this.#last = token;
    return done;
  }

  async #tokenInFlight(): Promise<string> {
    return [...(await this.store.peek(ROWS)).values()].find((pending) => pending.inFlight)?.inFlight?.token ?? '';
  }
}

function changeOf(
  given: {
    readonly row: number;
    readonly base: string | undefined;
    readonly version: string | undefined;
    readonly isRowBase: true | undefined;
    readonly missing: Missing | undefined;
  } & Omit<Change, 'entity' | 'rowKey' | 'base' | 'version' | 'isRowBase' | 'missing'>,
): Change {
  const { row, base, version: to, isRowBase, missing: otherwise, ...rest } = given;
  return {
    ...rest,
    ...(isRowBase && { isRowBase }),
    ...(rest.kind === 'increment' && otherwise !== undefined && { missing: otherwise }),
    entity: 'Product',
    rowKey: ROWS[row] as RowKey,
    ...(base === undefined ? {} : { base }),
    ...(to === undefined ? {} : { version: to }),
  };
}

/** The two chains begin at different moments. */
function withoutTime(answer: StageAnswer): StageAnswer {
  if (answer.status !== 'staged') return answer;
  return { ...answer, marks: answer.marks.map((mark) => ({ ...mark, since: '' })) };
}

function plainRecords(records: ReadonlyMap<RowKey, object>): ReadonlyMap<RowKey, object> {
  return new Map(ROWS.flatMap((row) => (records.has(row) ? [[row, { ...records.get(row), firstAtMs: 0 }]] : [])));
}

function sorted(record: object): unknown {
  return JSON.parse(JSON.stringify({ ...record, firstAtMs: 0 }), (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)))
      : value,
  );
}

/** How many rows were added to batches. */
let met = 0;

test('any history is answered alike by memory and by Redis, and leaves the same behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 40 }), async (steps) => {
      const memory = new Side(memoryStaging({ shards: 1 }));
      const store = await openRedisStaging({ redis: sharedRedisUrl(), namespace: freshNamespace(), shards: 1 });
      try {
        const redis = new Side(store);
        await Promise.all([memory.store.adopt(0, 'T0'), redis.store.adopt(0, 'T0')]);
        for (const [number, taken] of steps.entries()) {
          expect(await redis.take(taken, number)).toEqual(await memory.take(taken, number));
          expect(await redis.state()).toEqual(await memory.state());
        }
      } finally {
        await store.close();
      }
    }),
    { numRuns: 150, interruptAfterTimeLimit: 120_000 },
  );
  expect(met).toBeGreaterThan(20);
}, 180_000);
