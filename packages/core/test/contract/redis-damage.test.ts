import { redis as privateRedis, thinned, type PrivateRedis } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BatchOutcome, Outcome } from '../../src/change/outcome.js';
import { decodePlain, encodePlain } from '../../src/change/record-codec.js';
import type { RowKey } from '../../src/change/row-key.js';
import { DamagedRedis, GARBAGE, call, PRODUCTS, row, type Content } from './damaged-redis.js';
import { fenceOne, stageOne, usable } from '../../src/testing/contract/one-unit.js';

/**
 * H18 (R12): Redis undoes nothing of what a script has written when it fails. So each act of the store runs on a
 * shard of which one field is damaged, every field in turn, and either has done what it does, or has failed and
 * changed nothing.
 */

let redis: DamagedRedis;
/** A server that is full while an act runs. */
let server: PrivateRedis;
let full: DamagedRedis;

beforeAll(async () => {
  redis = await DamagedRedis.open();
  server = await privateRedis();
  full = await DamagedRedis.open(server.url);
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await full.outOfMemory(false);
  await full[Symbol.asyncDispose]();
  await server.stop();
});

const again: Outcome = { kind: 'again', attempts: 1, delayMs: 0, reason: 'parent' };
const overruled: Outcome = { kind: 'superseded', version: '9' };
const buried: Outcome = { kind: 'buried', code: 'X', reason: 'x', rejected: true, counted: false };
const OUTCOMES: Readonly<Record<string, BatchOutcome>> = {
  applied: new Map<RowKey, Outcome>([[row('counted'), { kind: 'applied', part: 1 }]]),
  mixed: new Map<RowKey, Outcome>([
    [row('again'), again],
    [row('overruled'), overruled],
    [row('flying'), { kind: 'version', version: '8' }],
  ]),
  refused: new Map<RowKey, Outcome>([
    [row('again'), buried],
    [row('overruled'), { ...buried, rejected: false, version: '9' }],
    [row('flying'), again],
    [row('counted'), { ...again, part: 1 }],
  ]),
};
const STAGED = [
  { rowKey: row('dirty'), base: '2', version: '3', values: { a: '6' } },
  { rowKey: row('written'), base: '2', version: '3', values: { a: '6' } },
  { rowKey: row('new'), version: '3', values: { a: '6' } },
];
const COUNTED = [
  { kind: 'increment', rowKey: row('tallied'), deltas: { stock: '1' } },
  { kind: 'increment', rowKey: row('counted'), deltas: { stock: '1' } },
] as const;

const ACTS: Readonly<Record<string, (redis: DamagedRedis) => Promise<unknown>>> = {
  ...Object.fromEntries(
    Object.entries(OUTCOMES).map(([name, outcomes]) => [
      `acknowledge, ${name}`,
      async ({ store }: DamagedRedis) => store.acknowledge(0, 'T5', outcomes, []),
    ]),
  ),
  stage: async ({ store }) => stageOne(store, call('new', ...STAGED)),
  'stage again': async ({ store }) => stageOne(store, call('fifth', { rowKey: row('tallied') })),
  'stage differences': async ({ store }) => stageOne(store, call('new', ...COUNTED)),
  check: async ({ store }) => usable(await store.check(call('new', ...STAGED), call('new').rules)),
  fence: async ({ store }) => fenceOne(store, call('fifth', { rowKey: row('tallied') })),
  hold: async ({ store }) =>
    usable(await store.held.hold({ ...call('new', ...STAGED), transaction: '8', standing: [] })),
  'hold above a hold': async ({ store }) =>
    usable(
      await store.held.hold({
        ...call('new', { rowKey: row('held'), base: '2', version: '3' }, ...COUNTED),
        transaction: '7',
        standing: ['hold'],
      }),
    ),
  'hold instead of a hold': async ({ store }) =>
    usable(
      await store.held.hold({ ...call('new', { rowKey: row('held') }, ...COUNTED), transaction: '7', standing: [] }),
    ),
  'stage held': async ({ store }) => store.held.stage(0, new Map([['hold', []]])),
  drop: async ({ store }) => store.held.drop(0, ['hold']),
  'list holds': async ({ store }) => store.held.list(),
  claim: async ({ store }) => store.claim(0, { token: 'T9', predecessor: 'T5', limit: 10 }),
  'claim the next batch': async ({ store }) => {
    if (!(await store.acknowledge(0, 'T5', OUTCOMES['applied'] ?? new Map(), []))) throw new Error('not in flight');
    await store.claim(0, { token: 'T6', predecessor: 'T5', limit: 10 });
  },
  extend: async ({ store }) =>
    store.extend(0, { token: 'T5', attempts: 1, outcomes: OUTCOMES['applied'] ?? new Map(), rows: [row('dirty')] }),
  'extend after a part was rolled back': async ({ store }) =>
    store.extend(0, { token: 'T5', attempts: 1, outcomes: new Map(), rows: [row('again'), row('tallied')] }),
  park: async ({ store }) => store.park(0, { inFlight: 'T5', last: 'T4' }, 'TX', 'park'),
  'park to apply': async ({ store }) => store.park(0, { inFlight: 'T5', last: 'T4' }, 'TX', 'apply'),
  'empty a table': async ({ store }) => store.empty(0, { kind: 'tables', tables: [PRODUCTS] }, 'T5'),
  'empty all': async ({ store }) => store.empty(0, { kind: 'all' }, 'T5'),
  retry: async ({ store, letter }) => store.deadLetters.retry(letter),
  'retry, forced': async ({ store, letter }) => store.deadLetters.retry(letter, { force: true }),
  peek: async ({ store }) => store.peek([row('written'), row('new')]),
  settled: async ({ store }) => store.settled([{ rowKey: row('buried'), sequence: 2 }]),
  'make due': async ({ store }) => store.due.make({ kind: 'all' }),
  'any due': async ({ store }) => store.due.any({ kind: 'tables', tables: [PRODUCTS] }),
  'next due': async ({ store }) => store.due.next(),
  'pending of a drain': async ({ store }) => store.due.pending(new Map([[0, { sequence: 3, putOff: 0 }]])),
  stats: async ({ store }) => store.stats(),
  leave: async ({ store }) => store.policies.leave(['Order', 'Product', 'Other'], 0),
  rejoin: async ({ store }) => store.policies.rejoin(['Order', 'Product']),
  look: async ({ store }) => store.cache.look(PRODUCTS, [row('copied'), row('asked'), row('blocked'), row('other')]),
  keep: async ({ store }) => {
    const answer = (await store.cache.look(PRODUCTS, [row('fresh')])).get(row('fresh'));
    const ticket = answer?.kind === 'ticket' ? answer.ticket : '';
    await store.cache.keep(PRODUCTS, [{ rowKey: row('fresh'), ticket, bytes: Buffer.from('new') }], 60_000);
  },
  block: async ({ store }) => store.cache.block({ table: PRODUCTS, keys: [row('blocked'), row('copied')] }, '103'),
  'block a table': async ({ store }) =>
    store.cache.block({ table: { ...PRODUCTS, table: 'order' }, keys: 'all' }, '103'),
  unblock: async ({ store }) => store.cache.unblock({ table: PRODUCTS, keys: [row('blocked')] }, '101'),
};

/** All but the answer that a group has left: one that is refused leaves one too (R13). */
function remembered(content: Content): string {
  return JSON.stringify([...content].map(([key, fields]) => [key, fields.filter((each) => !each.startsWith('new '))]));
}

const failureOf = async (act: Promise<unknown>): Promise<Error | undefined> =>
  act.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

/**
 * What an act may say when it meets damage: of the very row, letter or call that it is about, or of what the whole
 * shard cannot do without.
 */
const TOLD = [
  /^What is staged of row .* cannot be read by this release/u,
  /^The staged changes in Redis at .* are spread by the shard map/u,
  /^not in flight$/u,
];
/** The chain cannot do without its sequence. */
const SEQUENCE =
  /^chain sequence: [^:]+: The key \S+:chain in Redis at .* holds something that Spillway has not written, so nothing was done/u;
const OWN_FIELD: Readonly<Record<string, RegExp>> = {
  'stage again': /^seen fifth/u,
  fence: /^seen fifth/u,
  settled: /^dead \d+/u,
  retry: /^dead \d+/u,
  'retry, forced': /^dead \d+/u,
};

/** Whatever takes memory and makes none. What ends a batch, or leads to that, goes on. */
const REFUSED_WHEN_FULL: ReadonlySet<string> = new Set([
  'stage',
  'stage differences',
  'hold',
  'hold above a hold',
  'hold instead of a hold',
  'leave',
  'look',
  'keep',
]);

describe.each(Object.entries(ACTS))('H18 (R12): %s', (name, act) => {
  test('succeeds on a shard of which nothing is damaged', async () => {
    await redis.restore();
    expect(await failureOf(act(redis))).toBeUndefined();
  });

  test('does what it does, or is refused and has changed nothing, on a server that is out of memory', async () => {
    await full.outOfMemory(false);
    await full.restore();
    await full.outOfMemory(true);
    const before = await full.content();
    const failure = await failureOf(act(full));
    const after = await full.content();
    expect(failure?.message ?? 'done').toMatch(REFUSED_WHEN_FULL.has(name) ? /is out of memory/u : /^done$/u);
    expect(failure === undefined ? before : after).toEqual(before);
  });

  test('does what it does, or fails and has changed nothing, whatever is damaged', async () => {
    await redis.restore();
    const halves: string[] = [];
    const untold: string[] = [];
    for (const [turn, field] of (await redis.fields()).entries()) {
      for (const [kind, garbage] of thinned(Object.entries(GARBAGE), turn, 10)) {
        await redis.damage(field, garbage);
        const before = await redis.content();
        const failure = await failureOf(act(redis));
        if (failure === undefined) continue;
        const what = `${field.name}: ${kind}: ${failure.message}`;
        if (remembered(await redis.content()) !== remembered(before)) halves.push(what);
        const isTold = SEQUENCE.test(what) || TOLD.some((told) => told.test(failure.message));
        if (!isTold && !OWN_FIELD[name]?.test(field.name)) untold.push(what);
      }
    }
    expect(halves).toEqual([]);
    expect(untold).toEqual([]);
  });

  // An act of one script: of two the first may have done what it does.
  test.skipIf(name === 'claim the next batch')(
    'does what it does, or fails and has changed nothing, whichever key is of another type',
    async () => {
      const halves: string[] = [];
      for (const key of redis.names()) {
        await redis.displace(key);
        const before = await redis.content();
        const failure = await failureOf(act(redis));
        if (failure && remembered(await redis.content()) !== remembered(before))
          halves.push(`${key}: ${failure.message}`);
      }
      expect(halves).toEqual([]);
    },
  );
});

describe("H18 (R12): an unreadable row is that row's alone", () => {
  const garbage = Buffer.from('c1c1', 'hex');
  const letters = async (): Promise<readonly string[]> =>
    (await redis.store.deadLetters.list()).map(({ rowKey, code }) => `${JSON.parse(rowKey)[2]} ${code}`);
  const dirty = async (name: string): Promise<unknown> => (await redis.store.peek([row(name)])).get(row(name))?.dirty;
  const old = ['late X', 'buried X'];

  test('an acknowledgement that meets damage in what is remembered ends its batch, and what is to be tried again is dirty', async () => {
    await redis.damageField('recent', row('late'), garbage);
    await redis.damageField('recent', row('flying'), garbage);
    const outcomes = new Map<RowKey, Outcome>([
      [row('flying'), { kind: 'superseded' }],
      [row('again'), again],
    ]);
    expect(await redis.store.acknowledge(0, 'T5', outcomes, [])).toBe(true);
    expect(await dirty('again')).toMatchObject({ values: { a: '3' }, attempts: 1 });
    expect(await letters()).toEqual(old);
    expect((await redis.store.claim(0, { token: 'T6', predecessor: 'T5', limit: 10 })).status).toBe('batch');
  });

  test('what is dirty above a record that is tried again, and cannot be read, is a dead letter', async () => {
    await redis.damageField('dirty', row('again'), garbage);
    expect(await redis.store.acknowledge(0, 'T5', new Map([[row('again'), again]]), [])).toBe(true);
    expect(await dirty('again')).toMatchObject({ values: { a: '2' } });
    expect(await letters()).toEqual(['again UNREADABLE', ...old]);
  });

  test('a record that was written, and was damaged since, is no dead letter; one that was put off is', async () => {
    await redis.damageField('flight', row('flying'), garbage);
    await redis.store.acknowledge(0, 'T5', new Map(), []);
    expect(await letters()).toEqual(old);
    await redis.damageField('flight', row('flying'), garbage);
    await redis.store.acknowledge(0, 'T5', new Map([[row('flying'), again]]), []);
    expect(await letters()).toEqual(['flying UNREADABLE', ...old]);
    expect((await redis.store.stats()).pending).toEqual({ Product: 5 });
  });

  test('parts of a batch that cannot be read make dead letters of the rows of which nothing else is known', async () => {
    await redis.damageField('chain', 'parts', garbage);
    expect(await redis.store.acknowledge(0, 'T5', new Map([[row('again'), again]]), [])).toBe(true);
    expect((await letters()).toSorted()).toEqual(
      [...old, 'counted STAGING_LOSS', 'flying STAGING_LOSS', 'overruled STAGING_LOSS'].toSorted(),
    );
    expect(await dirty('again')).toMatchObject({ values: { a: '3' } });
  });

  test('what is held of a row, and cannot be read, is a dead letter when the hold ends; the other rows of the hold are staged', async () => {
    await redis.damageField('held', row('tallied'), garbage);
    expect(await redis.store.held.stage(0, new Map([['hold', []]]))).toEqual([row('counted'), row('held')]);
    expect(await letters()).toEqual(['tallied UNREADABLE', ...old]);
    expect(await dirty('held')).toMatchObject({ values: { a: '5' } });
    expect(await redis.store.held.list()).toEqual([]);
    expect((await redis.store.stats()).held).toBe(0);
  });

  test('a hold of which nothing can be read but what it holds of one row ends, and leaves nothing behind', async () => {
    await redis.damageField('held', row('tallied'), garbage);
    await redis.damageAlso('holds', 'hold', garbage);
    expect(await redis.store.held.stage(0, new Map([['hold', []]]))).toEqual([row('counted'), row('held')]);
    expect(await letters()).toEqual(['tallied UNREADABLE', ...old]);
    expect((await redis.store.stats()).held).toBe(0);
    expect((await redis.store.peek([row('tallied')])).get(row('tallied'))?.held).toBeUndefined();
  });

  test('layers, or parts of a batch, with a hole in them cannot be read, wherever it is', async () => {
    await redis.restore();
    const [layer] = decodePlain(await redis.bytesOf('held', row('held'))) as readonly unknown[];
    for (const layers of [[], [null, layer], [layer, null, layer], { 1: layer }]) {
      await redis.damageField('held', row('held'), encodePlain(layers));
      await redis.store.held.stage(0, new Map([['hold', []]]));
      expect(await letters()).toEqual(['held UNREADABLE', ...old]);
    }
    const part = [row('counted'), '', 'x'];
    for (const parts of [[null, part], [part, null, part], { 1: part }, [[row('counted'), null, 'x']], [['x']]]) {
      await redis.damageField('chain', 'parts', encodePlain(parts));
      await redis.store.acknowledge(0, 'T5', new Map([[row('again'), again]]), []);
      expect(await letters()).toContain('flying STAGING_LOSS');
    }
  });

  test('a key of another type is no fault of a row: nothing is done, and no row becomes a dead letter', async () => {
    await redis.displace('dirty');
    await expect(redis.store.acknowledge(0, 'T5', new Map([[row('again'), again]]), [])).rejects.toThrow(/WRONGTYPE/u);
    await expect(redis.store.held.stage(0, new Map([['hold', []]]))).rejects.toThrow(/WRONGTYPE/u);
    expect(await letters()).toEqual(old);
    expect(await redis.store.held.list()).toMatchObject([{ id: 'hold' }]);
  });

  test('a record under a key that is no text is a dead letter: the ledger names another row', async () => {
    await redis.restore();
    const bytes = await redis.bytesOf('flight', row('flying'));
    await redis.damageField('flight', Buffer.from('ff', 'hex'), bytes);
    await redis.store.acknowledge(0, 'T5', new Map(), []);
    expect((await redis.store.deadLetters.list()).map(({ code }) => code)).toEqual(['UNREADABLE', 'X', 'X']);
  });

  test('a hold whose own entry cannot be read is found by its layers, and ends', async () => {
    await redis.damageField('holds', 'hold', garbage);
    expect(await redis.store.held.list()).toMatchObject([{ id: 'hold', transaction: '7' }]);
    expect(await redis.store.held.stage(0, new Map([['hold', []]]))).toHaveLength(3);
    expect(await redis.store.stats()).toMatchObject({ held: 0 });
  });

  test('a count that cannot be read is made anew', async () => {
    for (const text of ['x', '1.5', '']) {
      await redis.damageField('stats', 'p:Product', Buffer.from(text));
      await redis.store.acknowledge(0, 'T5', OUTCOMES['applied'] ?? new Map(), []);
      expect((await redis.store.stats()).pending).toEqual({ Product: 4 });
    }
  });

  test("a dead letter takes no other's place, though the number of the last one cannot be read", async () => {
    await redis.damageField('chain', 'letters', garbage);
    await redis.store.acknowledge(0, 'T5', new Map([[row('flying'), buried]]), []);
    expect(await letters()).toEqual(['flying X', ...old]);
  });
});
