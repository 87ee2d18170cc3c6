import { conflicted, type ContractContext } from './bench.js';

/** Versions, existence, and what is remembered of them. */
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
      'remembers the version that the database has when a record is parked for a conflict',
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
