import type { Change } from '../../change/change.js';
import { again, conflicted, rejected, type ContractContext } from './bench.js';

/** Versions and existence of rows, as the store knows and remembers them. */
export function versionContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('versions', () => {
    it(
      'compares with what is dirty, then with what is in flight, by the newest that carries a version (H2)',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' } });
        const batch = await bench.claim();
        await bench.stage({ kind: 'increment', deltas: { stock: '1' } });
        expect(await bench.stage({ base: '5', version: '6', values: { name: '"b"' } })).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '6' }],
        });
        expect((await bench.stage({ base: '6', version: '7', values: { name: '"b"' } })).status).toBe('staged');
        await bench.end(batch);
        expect((await bench.stage({ base: '6', version: '7', values: { name: '"c"' } })).status).toBe('refused');
      }),
    );

    it(
      'refuses what is older than the version written last, and takes what is newer as the base (H2)',
      onBench(async (bench) => {
        await bench.stage({ base: '9', version: '10', values: { name: '"a"' } });
        await bench.flush();
        expect((await bench.peek()).recent).toEqual({ version: '10', deleted: false });
        expect(await bench.stage({ base: '9', version: '10', values: { name: '"b"' } })).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '10' }],
        });
        expect((await bench.stage({ base: '11', version: '12', values: { name: '"c"' } })).status).toBe('staged');
        expect(await bench.dirty()).toMatchObject({ base: '11', version: '12' });
      }),
    );

    it(
      'refuses a version that was read in the database where a dirty record has it: what is dirty is in no row (H15, R10b)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const stale = { status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '2' }] };
        const fromDatabase = { base: '2', isRowBase: true, version: '3', values: { name: '"b"' } } as const;
        expect(await bench.stage(fromDatabase)).toEqual(stale);
        expect(await bench.stage({ kind: 'delete', base: '2', isRowBase: true })).toEqual(stale);
        expect(await bench.dirty()).toMatchObject({ base: '1', version: '2', values: { name: '"a"' } });
        expect((await bench.stage({ base: '2', version: '3', values: { name: '"b"' } })).status).toBe('staged');
      }),
    );

    it(
      'refuses the version of a change that PostgreSQL has refused: no row has it from there (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        await bench.end(await bench.claim(), { 0: rejected });
        const stale = { status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'stale', version: '2' }] };
        expect(await bench.stage({ base: '2', version: '3', values: { name: '"b"' } })).toEqual(stale);
        expect(await bench.stage({ kind: 'delete', base: '2' })).toEqual(stale);
        const fromDatabase = { base: '2', isRowBase: true, version: '3', values: { name: '"c"' } } as const;
        expect((await bench.stage(fromDatabase)).status).toBe('staged');
        await bench.flush();
        expect((await bench.stage({ base: '3', version: '4', values: { name: '"d"' } })).status).toBe('staged');
      }),
    );

    it(
      'does not hold it against the version below it, which the row has still (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '4', version: '5', values: { name: '"a"' } });
        await bench.stage({ base: '5', version: '6', values: { name: '"b"' } });
        await bench.end(await bench.claim(), { 0: rejected });
        for (const base of ['5', '6'])
          expect((await bench.stage({ base, version: '7', values: { name: '"c"' } })).status).toBe('refused');
        const next = await bench.stage({ base: '4', version: '5', values: { name: '"d"' } });
        expect(next).toMatchObject({ status: 'staged', versions: new Map([[bench.row(0), '7']]) });
        await bench.end(await bench.claim(), { 0: rejected });
        expect((await bench.stage({ base: '6', version: '7', values: { name: '"e"' } })).status).toBe('refused');
        // Another program has written the row in between.
        await bench.stage({ base: '9', version: '10', values: { name: '"f"' } });
        await bench.end(await bench.claim(), { 0: rejected });
        expect((await bench.stage({ base: '9', version: '10', values: { name: '"g"' } })).status).toBe('staged');
      }),
    );

    it(
      'gives no change a version that was acknowledged before, though no row has it (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        await bench.end(await bench.claim(), { 0: rejected });
        expect((await bench.peek()).recent).toBeUndefined();
        const fromRow = { base: '1', isRowBase: true, version: '2', values: { name: '"b"' } } as const;
        expect(await bench.stage(fromRow)).toMatchObject({
          status: 'staged',
          versions: new Map([[bench.row(0), '3']]),
        });
        expect((await bench.stage({ base: '2', version: '3', values: { name: '"c"' } })).status).toBe('refused');
        await bench.flush();
        expect((await bench.stage({ base: '2', version: '3', values: { name: '"c"' } })).status).toBe('refused');
        expect((await bench.stage({ base: '3', version: '4', values: { name: '"d"' } })).status).toBe('staged');
      }),
    );

    it(
      'takes such a version while the record is in flight: the row may have it from there (R10b)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const batch = await bench.claim();
        const { status } = await bench.stage({ base: '2', isRowBase: true, version: '3', values: { name: '"b"' } });
        expect(status).toBe('staged');
        await bench.end(batch);
        expect(await bench.dirty()).toMatchObject({ base: '2', isRowBase: true, version: '3' });
      }),
    );

    it(
      'leaves a base that was read in the database as it is, so that the row conflicts aloud (R10c)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const batch = await bench.claim();
        await bench.stage({ base: '2', isRowBase: true, version: '3', values: { name: '"b"' } });
        await bench.end(batch, { 0: { kind: 'version', version: '3' } });
        expect(await bench.dirty()).toMatchObject({ base: '2', isRowBase: true, version: '4' });
      }),
    );

    it(
      'buries a record that comes back beneath a newer one which never saw it, with its values (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const batch = await bench.claim();
        await bench.stage({ base: '2', isRowBase: true, version: '3', values: { name: '"b"' } });
        await bench.end(batch, { 0: again });
        expect(await bench.dirty()).toMatchObject({ base: '2', version: '3', values: { name: '"b"' } });
        const [letter] = await bench.store.deadLetters.list();
        expect(letter).toMatchObject({ code: 'CONFLICT', record: { values: { name: '"a"' } } });
        expect((await bench.store.stats()).pending).toMatchObject({ Product: 1 });
      }),
    );

    const unseeing: readonly (readonly [string, Partial<Change>])[] = [
      ['a delete', { kind: 'delete', base: '2', isRowBase: true }],
      ['an assigned counter', { base: '2', isRowBase: true, version: '3', values: { stock: '10' } }],
    ];
    for (const [what, newer] of unseeing)
      it(
        `buries it beneath ${what} too, with its values and differences (H15)`,
        onBench(async (bench) => {
          await bench.stage({ base: '1', version: '2', values: { name: '"a"' }, deltas: { stock: '5' } });
          const batch = await bench.claim();
          await bench.stage(newer);
          await bench.end(batch, { 0: again });
          const [letter] = await bench.store.deadLetters.list();
          expect(letter).toMatchObject({
            code: 'CONFLICT',
            record: { values: { name: '"a"' }, deltas: { stock: '5' } },
          });
        }),
      );

    it(
      'adds no change to a record in flight that it never saw (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const { token, attempts } = await bench.claim();
        await bench.stage({ base: '2', isRowBase: true, version: '3', values: { name: '"b"' } });
        const extension = await bench.store.extend(0, { token, attempts, outcomes: new Map(), rows: [bench.row(0)] });
        expect(extension?.added.size).toBe(0);
        const { dirty, inFlight } = await bench.peek();
        expect([inFlight?.record.values, dirty?.values]).toEqual([{ name: '"a"' }, { name: '"b"' }]);
      }),
    );

    it(
      'stages a hold beside a record that came back beneath it, and that it never saw (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const batch = await bench.claim();
        const { id } = await bench.hold('tx', [], {
          base: '2',
          isRowBase: true,
          version: '3',
          values: { name: '"b"' },
        });
        await bench.end(batch, { 0: again });
        await bench.stageHeld(id);
        expect(await bench.dirty()).toMatchObject({ base: '2', isRowBase: true, values: { name: '"b"' } });
        const [letter] = await bench.store.deadLetters.list();
        expect(letter).toMatchObject({ code: 'CONFLICT', record: { values: { name: '"a"' } } });
        expect((await bench.store.stats()).pending).toEqual({ Product: 1 });
      }),
    );

    it(
      'lets a transaction go on from a row that it has written itself, with what it holds',
      onBench(async (bench) => {
        const { id } = await bench.hold('tx', [], { base: '1', version: '2', values: { name: '"a"' } });
        const next = { base: '2', isRowBase: true, version: '3', values: { name: '"b"' } } as const;
        expect((await bench.hold('tx', [id], next)).answer).toMatchObject({ status: 'staged' });
      }),
    );

    it(
      'does not merge a record that PostgreSQL refuses into a newer one that was made upon another row (H15)',
      onBench(async (bench) => {
        await bench.stage({ base: '1', version: '2', values: { name: '"a"' } });
        const batch = await bench.claim();
        await bench.stage({ base: '2', isRowBase: true, version: '3', values: { place: '"b"' } });
        await bench.end(batch, { 0: rejected });
        expect(await bench.dirty()).toMatchObject({ base: '2', version: '3', values: { place: '"b"' } });
        const [letter] = await bench.store.deadLetters.list();
        expect(letter).toMatchObject({ code: '23514', record: { values: { name: '"a"' } } });
      }),
    );

    it(
      'lets a base follow a record without a version only if the row had that base (R10c)',
      onBench(async (bench) => {
        await bench.stage({ values: { place: '"a"' } });
        const batch = await bench.claim();
        await bench.stage({ base: '4', version: '5', values: { name: '"b"' } });
        await bench.end(batch, { 0: { kind: 'version', version: '5' } });
        expect(await bench.dirty()).toMatchObject({ base: '5', version: '6' });
        const next = await bench.claim();
        await bench.end(next);
        await bench.stage({ values: { place: '"c"' } });
        const third = await bench.claim();
        await bench.stage({ base: '6', version: '7', values: { name: '"d"' } });
        // Another program has written the row in between, as version 7.
        await bench.end(third, { 0: { kind: 'version', version: '8' } });
        expect(await bench.dirty()).toMatchObject({ base: '6', version: '9' });
      }),
    );

    it(
      'refuses a change that compares its properties where it has not seen what is dirty of them (H15)',
      onBench(async (bench) => {
        const loaded = { originals: { name: '"old"' } };
        await bench.stage({ ...loaded, values: { name: '"a"' } });
        expect(await bench.stage({ ...loaded, values: { name: '"b"' } })).toEqual({
          status: 'refused',
          refusals: [{ rowKey: bench.row(0), reason: 'stale' }],
        });
        const seen = { originals: { name: '"a"' }, values: { name: '"b"' } };
        expect((await bench.stage({ originals: { place: '"old"' }, values: { place: '"b"' } })).status).toBe('staged');
        expect((await bench.stage(seen)).status).toBe('staged');
      }),
    );

    it(
      'forgets a deletion on request, so that a row that is inserted again by SQL can be changed',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '5' });
        await bench.flush();
        expect((await bench.stage({ base: '1', version: '2', values: { name: '"a"' } })).status).toBe('refused');
        await bench.store.forget([bench.row(0)]);
        expect((await bench.peek()).recent).toBeUndefined();
        expect((await bench.stage({ base: '1', version: '2', values: { name: '"a"' } })).status).toBe('staged');
      }),
    );

    it(
      'keeps the remembered version when differences alone are written',
      onBench(async (bench) => {
        await bench.stage({ base: '9', version: '10', values: { name: '"a"' } });
        await bench.flush();
        await bench.stage({ kind: 'increment', deltas: { stock: '1' } });
        await bench.flush();
        expect((await bench.peek()).recent).toEqual({ version: '10', deleted: false });
      }),
    );

    it(
      'lets a row that is deleted be deleted again by whoever expects no version: dirty, in flight, or written last',
      onBench(async (bench) => {
        const staged = { status: 'staged', versions: new Map() };
        await bench.stage({ kind: 'delete' });
        expect(await bench.stage({ kind: 'delete' })).toMatchObject(staged);
        expect(await bench.dirty()).toMatchObject({ kind: 'delete' });
        const batch = await bench.claim();
        expect(await bench.stage({ kind: 'delete' })).toMatchObject(staged);
        await bench.end(batch);
        await bench.flush();
        expect(await bench.stage({ kind: 'delete' })).toMatchObject(staged);
        expect(await bench.stage({ kind: 'insert', values: { name: '"a"' } })).toMatchObject(staged);
        expect(await bench.dirty()).toMatchObject({ kind: 'replace', values: { name: '"a"' } });
      }),
    );

    it(
      'refuses to change a row that is deleted: dirty, in flight, or written last (C4)',
      onBench(async (bench) => {
        const refused = { status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'deleted' }] };
        await bench.stage({ kind: 'delete', base: '5' });
        expect(await bench.stage({ values: { name: '"a"' } })).toEqual(refused);
        const batch = await bench.claim();
        expect(await bench.stage({ kind: 'increment', deltas: { stock: '1' } })).toEqual(refused);
        expect(await bench.stage({ kind: 'delete', base: '5' })).toEqual(refused);
        await bench.end(batch);
        expect(await bench.stage({ base: '5', version: '6', values: { name: '"a"' } })).toEqual(refused);
        expect((await bench.peek()).recent).toEqual({ version: '5', deleted: true });
      }),
    );

    it(
      'goes on from the version of the deleted row when it is inserted again',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '5' });
        const replaced = await bench.stage({ kind: 'insert', version: '1', values: { name: '"a"' } });
        expect(replaced).toMatchObject({ status: 'staged', versions: new Map([[bench.row(0), '6']]) });
        expect(await bench.dirty()).toMatchObject({ kind: 'replace', base: '5', version: '6' });
        await bench.stage({ kind: 'delete', base: '6' });
        expect(await bench.dirty()).toMatchObject({ kind: 'delete', base: '5' });
        const batch = await bench.claim();
        expect(await bench.stage({ kind: 'insert', version: '1', values: {} })).toMatchObject({
          status: 'staged',
          versions: new Map([[bench.row(0), '7']]),
        });
        await bench.end(batch);
        expect(await bench.dirty()).toMatchObject({ kind: 'insert', version: '7' });
      }),
    );

    it(
      'refuses an insert over a record, and over an insert in flight',
      onBench(async (bench) => {
        const refused = { status: 'refused', refusals: [{ rowKey: bench.row(0), reason: 'exists' }] };
        await bench.stage({ kind: 'insert', version: '1', values: {} });
        expect(await bench.stage({ kind: 'insert', version: '1', values: {} })).toEqual(refused);
        await bench.claim();
        expect(await bench.stage({ kind: 'insert', version: '1', values: {} })).toEqual(refused);
      }),
    );

    it(
      'makes nothing of an insert and its delete, unless something else than a delete is in flight (C4)',
      onBench(async (bench) => {
        await bench.stage({ kind: 'delete', base: '5' });
        await bench.claim();
        await bench.stage({ kind: 'insert', version: '1', values: {} });
        await bench.stage({ kind: 'delete', base: '6' });
        expect(await bench.dirty()).toBeUndefined();
        expect(await bench.stage({ values: { name: '"a"' } })).toMatchObject({ status: 'refused' });
      }),
    );

    it(
      'remembers the version that the database has when a record is buried for a conflict',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { name: '"a"' } });
        await bench.flush({ 0: conflicted });
        expect((await bench.peek()).recent).toEqual({ version: '9', deleted: false });
        expect(await bench.stage({ base: '6', version: '7', values: { name: '"b"' } })).toMatchObject({
          status: 'refused',
        });
      }),
    );

    it(
      'forgets the oldest rows when there are too many (M9)',
      onBench(
        async (bench) => {
          for (const number of [0, 1, 2]) {
            await bench.stage({ rowKey: bench.row(number), kind: 'delete', base: '5' });
            await bench.flush();
          }
          expect((await bench.peek(bench.row(2))).recent).toEqual({ version: '5', deleted: true });
          expect((await bench.peek(bench.row(0))).recent).toBeUndefined();
        },
        { rememberRows: 1 },
      ),
    );
  });
}
