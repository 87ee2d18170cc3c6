import { setImmediate, setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import { shardOf } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import type { EntityRules } from '../../../src/staging/entity-rules.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import { Stager } from '../../../src/staging/stager.js';
import type { GroupAnswer, StageGroup } from '../../../src/staging/stage-side.js';
import { SentInVain } from '../../../src/staging/staging-errors.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

const LONG_MS = 3_600_000;
const RULES: EntityRules = {
  debounceMs: 0,
  maxDelayMs: 0,
  maxPending: 1_000,
  maxRecordBytes: 1_000_000,
  onFull: 'reject',
  blockTimeoutMs: 0,
};
const rules = { Product: RULES };

const row = (key: number): RowKey => rowKeyOf({ schema: '', table: 'product', key: [String(key)] });

function plusOne(key: number, over: Partial<Change> = {}): Change {
  return {
    kind: 'increment',
    entity: 'Product',
    rowKey: row(key),
    values: {},
    deltas: { stock: '1' },
    originals: {},
    ...over,
  };
}

/** A store on one server whose calls of groups wait until the test lets them go. */
class Gate {
  readonly inner: StagingStore = memoryStaging({ shards: 4 });
  readonly groups: StageGroup[] = [];
  readonly fenced: string[] = [];
  readonly stager: Stager;
  isOpen = true;
  #waiting: (() => void)[] = [];
  #answer: (group: StageGroup) => Promise<GroupAnswer> = (group) => this.inner.stage(group);

  constructor(stageTimeoutMs = LONG_MS) {
    const own: Partial<StagingStore> = {
      stage: async (group) => {
        this.groups.push(group);
        if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        return this.#answer(group);
      },
      fence: async (group) => {
        this.fenced.push(group.id);
        return this.inner.fence(group);
      },
    };
    const store = new Proxy(this.inner, {
      get: (target, name) => (Reflect.get(own, name) ?? Reflect.get(target, name, target)) as unknown,
    });
    const adopt = async (shards: readonly number[]): Promise<void> => {
      for (const shard of shards) await this.inner.adopt(shard, 'T0');
    };
    this.stager = new Stager(store, { stageTimeoutMs, adopt, endHolds: () => Promise.resolve() });
  }

  static async open(stageTimeoutMs?: number): Promise<Gate> {
    const gate = new Gate(stageTimeoutMs);
    for (const shard of [0, 1, 2, 3]) await gate.inner.adopt(shard, 'T0');
    return gate;
  }

  /** How the next calls end. */
  answers(answer: (group: StageGroup) => Promise<GroupAnswer>): void {
    this.#answer = answer;
  }

  /** Lets the oldest call go. */
  async letGo(): Promise<void> {
    this.#waiting.shift()?.();
    await setImmediate();
  }

  /** The keys of the rows of each group that was sent, by its units. */
  get sent(): readonly (readonly (readonly number[])[])[] {
    return this.groups.map(({ units }) =>
      units.map(({ changes }) => changes.map(({ rowKey }) => Number(JSON.parse(rowKey)[2]))),
    );
  }

  shardOf(key: number): number {
    return shardOf(row(key), this.inner.shards);
  }

  async stock(key: number): Promise<string | undefined> {
    return (await this.inner.peek([row(key)])).get(row(key))?.dirty?.deltas['stock'];
  }
}

const nothing = async (): Promise<GroupAnswer> => {
  throw new SpillwayError('STAGING_TIMEOUT', 'nothing came back');
};

describe('R15: places', () => {
  test('a change leaves in its turn, alone if it comes alone', async () => {
    const gate = await Gate.open();
    await gate.stager.stageAll([plusOne(1)], rules);
    await gate.stager.stageAll([plusOne(2)], rules);
    expect(gate.sent).toEqual([[[1]], [[2]]]);
  });

  test('what comes while all places are taken collects, and leaves together when one is free', async () => {
    const gate = await Gate.open();
    gate.isOpen = false;
    const done: Promise<unknown>[] = [];
    for (const key of [1, 2, 3, 4, 5]) {
      done.push(gate.stager.stageAll([plusOne(key)], rules));
      await setImmediate();
    }
    expect(gate.sent).toEqual([[[1]], [[2]]]);
    await gate.letGo();
    expect(gate.sent).toEqual([[[1]], [[2]], [[3], [4], [5]]]);
    await gate.letGo();
    await gate.letGo();
    await Promise.all(done);
    expect(await gate.stock(4)).toBe('1');
  });

  test('a call that fails frees its place, and is sent again beside the others', async () => {
    const gate = await Gate.open();
    gate.isOpen = false;
    gate.answers(nothing);
    const lost = gate.stager.stageAll([plusOne(1)], rules);
    await setImmediate();
    const slow = gate.stager.stageAll([plusOne(2)], rules);
    await setImmediate();
    const late = gate.stager.stageAll([plusOne(3)], rules);
    await gate.letGo();
    gate.answers((group) => gate.inner.stage(group));
    expect(gate.sent).toEqual([[[1]], [[2]], [[3]]]);
    gate.isOpen = true;
    await gate.letGo();
    await gate.letGo();
    await Promise.all([lost, slow, late]);
    expect([await gate.stock(1), await gate.stock(2), await gate.stock(3)]).toEqual(['1', '1', '1']);
  });

  test('a unit that waits for room waits in no place, and comes again in a later group (R13)', async () => {
    const gate = await Gate.open();
    const full = { Product: { ...RULES, maxPending: 1, onFull: 'block', blockTimeoutMs: LONG_MS } } as const;
    const [one, other] = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((key) => gate.shardOf(key) === gate.shardOf(0)) as [
      number,
      number,
    ];
    await gate.stager.stageAll([plusOne(one)], full);
    const waiting = gate.stager.stageAll([plusOne(other)], full);
    await setImmediate();
    for (let turn = 0; turn < 4; turn += 1) await gate.stager.stageAll([plusOne(one)], full);
    expect(await gate.stock(one)).toBe('5');
    await gate.inner.claim(gate.shardOf(0), { token: 'T1', predecessor: 'T0', limit: 9 });
    await gate.inner.acknowledge(gate.shardOf(0), 'T1', new Map(), []);
    expect((await waiting).staged.size).toBe(1);
    const ids = gate.groups.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('a unit above the limits goes alone, and no group grows beyond them', async () => {
    const gate = await Gate.open();
    gate.isOpen = false;
    const done = [1, 2].map(async (key) => {
      await pause(key);
      return gate.stager.stageAll([plusOne(key)], rules);
    });
    await pause(10);
    const large = Array.from({ length: 300 }, (_, key) => plusOne(1_000 + key));
    for (const changes of [
      [plusOne(3)],
      large,
      [plusOne(4)],
      ...Array.from({ length: 150 }, (_, key) => [plusOne(key)]),
    ])
      done.push(gate.stager.stageAll(changes, rules));
    const text = `"${'x'.repeat(200_000)}"`;
    for (const key of [5, 6])
      done.push(gate.stager.stageAll([plusOne(key, { kind: 'update', values: { text } })], rules));
    gate.isOpen = true;
    await gate.letGo();
    await gate.letGo();
    await Promise.all(done);
    const sizes = gate.groups.map(({ units }) => units.reduce((sum, { changes }) => sum + changes.length, 0));
    expect(sizes).toEqual([1, 1, 1, 300, 32, 32, 32, 32, 24, 1]);
  });
});

describe('R11: what has left is frozen', () => {
  test('a group is sent again as it was, though others wait', async () => {
    const gate = await Gate.open();
    let calls = 0;
    gate.answers((group) => ((calls += 1) < 3 ? nothing() : gate.inner.stage(group)));
    const first = [1, 2].map((key) => gate.stager.stageAll([plusOne(key)], rules));
    await setImmediate();
    const later = gate.stager.stageAll([plusOne(3)], rules);
    await Promise.all([...first, later]);
    const [one] = gate.groups;
    const copies = gate.groups.filter((group) => group.id === one?.id);
    expect(copies.length).toBeGreaterThan(1);
    for (const copy of copies) expect(copy).toBe(one);
    expect([await gate.stock(1), await gate.stock(2), await gate.stock(3)]).toEqual(['1', '1', '1']);
  });

  test('a unit whose time is up while it waits never leaves', async () => {
    const gate = await Gate.open(30);
    gate.isOpen = false;
    const taken = [1, 2].map(async (key) => {
      await pause(key);
      return gate.stager.stageAll([plusOne(key)], rules);
    });
    await pause(10);
    await expect(gate.stager.stageAll([plusOne(3)], rules)).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    gate.isOpen = true;
    await gate.letGo();
    await gate.letGo();
    await Promise.all(taken);
    await pause(50);
    expect(gate.sent).toEqual([[[1]], [[2]]]);
    expect(await gate.stock(3)).toBeUndefined();
  });

  test('a unit that its caller gives up while it waits never leaves', async () => {
    const gate = await Gate.open();
    gate.isOpen = false;
    const taken = [1, 2].map(async (key) => {
      await pause(key);
      return gate.stager.stageAll([plusOne(key)], rules);
    });
    await pause(10);
    const controller = new AbortController();
    const reason = new Error('the caller has gone');
    const given = gate.stager.stageAll([plusOne(3)], rules, controller.signal);
    await setImmediate();
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    gate.isOpen = true;
    await gate.letGo();
    await gate.letGo();
    await Promise.all(taken);
    expect(gate.sent).toEqual([[[1]], [[2]]]);
  });
});

describe('R13: the answer to a group', () => {
  test('tells each caller of its own unit, and no refusal reaches another', async () => {
    const gate = await Gate.open();
    await gate.stager.stageAll([plusOne(0, { kind: 'update', base: '4', version: '5' })], rules);
    await gate.stager.stageAll([plusOne(9, { kind: 'delete' })], rules);
    const results = await Promise.all(
      [
        [plusOne(1), plusOne(2)],
        [plusOne(1), plusOne(9)],
        [plusOne(0, { kind: 'update', base: '3', version: '4' })],
        [plusOne(2)],
      ].map(async (changes) => gate.stager.stageAll(changes, rules)),
    );
    expect(gate.sent.at(-1)).toEqual([[1, 2], [1, 9], [0], [2]]);
    expect(results.map(({ staged }) => [...staged.keys()])).toEqual([[row(1), row(2)], [], [], [row(2)]]);
    expect(results.map(({ refused }) => refused)).toEqual([
      [],
      [{ rowKey: row(9), reason: 'deleted' }],
      [{ rowKey: row(0), reason: 'stale', version: '5' }],
      [],
    ]);
    expect([await gate.stock(1), await gate.stock(2)]).toEqual(['1', '2']);
  });

  test('that is lost: every caller learns later what became of its own unit (C5)', async () => {
    const gate = await Gate.open(20);
    await gate.stager.stageAll([plusOne(9, { kind: 'delete' })], rules);
    gate.answers(async (group) => {
      await gate.inner.stage(group);
      return nothing();
    });
    const results = await Promise.all(
      [plusOne(1), plusOne(9), plusOne(2)].map((one) => gate.stager.stageAll([one], rules)),
    );
    expect(gate.fenced).toHaveLength(1);
    expect(results.map(({ staged, refused }) => [staged.size, refused.length])).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
    expect([await gate.stock(1), await gate.stock(2)]).toEqual(['1', '1']);
  });

  test('C6: a group that is called back was sent in vain, for each of its callers', async () => {
    const gate = await Gate.open(20);
    gate.answers(nothing);
    const errors = await Promise.all(
      [1, 2].map((key) => gate.stager.stageAll([plusOne(key)], rules).catch((error: unknown) => error)),
    );
    for (const error of errors) expect(error).toBeInstanceOf(SentInVain);
    await gate.inner.stage(gate.groups[0] as StageGroup);
    expect([await gate.stock(1), await gate.stock(2)]).toEqual([undefined, undefined]);
  });
});

test('H5: a flush over several shards of one server is one call, and no check', async () => {
  const gate = await Gate.open();
  const { staged } = await gate.stager.stageAll(
    [0, 1, 2, 3, 4, 5, 6, 7].map((key) => plusOne(key)),
    rules,
  );
  expect([staged.size, gate.groups.length]).toEqual([8, 1]);
});
