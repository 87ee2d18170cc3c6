import type { Outcome } from '../../change/outcome.js';
import { MOST_CARRIED } from '../../staging/row-cache.js';
import { again, conflicted, rejected, type ContractContext } from './bench.js';
import { bytesOf, copied, fill, look, PRODUCTS, ticketFor } from './copies.js';

const UPDATE = { base: '5', version: '6', values: { name: '"new"' } } as const;

/** Every outcome but the plain one: each may have written the row, or raised its version. */
const OUTCOMES: readonly (readonly [string, Outcome])[] = [
  ['applied with another version', { kind: 'version', version: '7' }],
  ['superseded', { kind: 'superseded', version: '9' }],
  ['buried as refused', rejected],
  ['buried as a conflict', conflicted],
  ['put off', again],
];

/** Copies that outlive staged changes (R1 to R6). A look-up answers a copy together with what is pending of its row. */
export function copiesContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('copies beside pending changes', () => {
    it(
      'R1: a look-up answers the copy, what is dirty, what is in flight and what was written, at once',
      onBench(async (bench) => {
        await bench.stage({ base: '4', version: '5' });
        await bench.flush();
        await copied(bench);
        await bench.stage(UPDATE);
        const dirty = await bench.dirty();
        const recent = { version: '5', deleted: false };
        expect(await look(bench)).toEqual({
          kind: 'copy',
          bytes: bytesOf('v5'),
          carried: [],
          pending: { dirty, recent },
        });
        const { token } = await bench.claim();
        await bench.stage({ base: '6', version: '7', values: { name: '"newer"' } });
        expect(await look(bench)).toEqual({
          kind: 'copy',
          bytes: bytesOf('v5'),
          carried: [],
          pending: { dirty: await bench.dirty(), inFlight: { record: dirty, token }, recent },
        });
      }),
    );

    it(
      'R1: several callers of one turn get the answers to their own rows, and one ticket for a row that two ask for',
      onBench(async (bench) => {
        await bench.store.adopt(1, 'T0');
        const [here, there] = [bench.row(0), bench.row(0, 'product', 1)];
        await copied(bench, 'here', here);
        const answers = await Promise.all([
          look(bench, here),
          look(bench, there),
          look(bench, here),
          look(bench, there),
        ]);
        expect(answers.map((answer) => answer?.kind)).toEqual(['copy', 'ticket', 'copy', 'taken']);
        expect(answers[0]).toEqual(answers[2]);
      }),
    );

    it(
      'R2: a dirty row gets a ticket, and its copy is taken',
      onBench(async (bench) => {
        await bench.stage(UPDATE);
        await copied(bench);
        expect(await look(bench)).toMatchObject({ kind: 'copy', pending: { dirty: { version: '6' } } });
      }),
    );

    it(
      'R2: a row in flight gets no ticket, and a fill while it is in flight is refused and loses its ticket',
      onBench(async (bench) => {
        const ticket = await ticketFor(bench);
        await bench.stage(UPDATE);
        const batch = await bench.claim();
        // Read after the commit, and before the acknowledgement: the row has version 6 already.
        expect(await fill(bench, ticket, 'v6')).toBe(0);
        expect(await look(bench)).toEqual({ kind: 'pending' });
        expect(await fill(bench, ticket, 'v6')).toBe(0);
        await bench.end(batch);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R2: a fill is refused and loses its ticket while its row is held, and while its table is blocked',
      onBench(async (bench) => {
        const held = await ticketFor(bench);
        const { id } = await bench.hold('7', [], UPDATE);
        expect(await fill(bench, held, 'v5')).toBe(0);
        await bench.store.held.drop(0, [id]);
        expect(await fill(bench, held, 'v5')).toBe(0);
        const blocked = await ticketFor(bench);
        await bench.store.cache.block({ table: PRODUCTS, keys: 'all' }, '101');
        expect(await fill(bench, blocked, 'v5')).toBe(0);
        await bench.store.cache.unblock({ table: PRODUCTS, keys: 'all' }, '101');
        expect(await fill(bench, blocked, 'v5')).toBe(0);
      }),
    );

    it(
      'H4 (R3): the end of a batch takes the tickets of its rows, so that what was read before is not kept',
      onBench(async (bench) => {
        const ticket = await ticketFor(bench);
        await bench.stage(UPDATE);
        await bench.flush();
        expect(await fill(bench, ticket, 'v5')).toBe(0);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    for (const [what, outcome] of OUTCOMES) {
      it(
        `R3: the copy of a row that was ${what} is gone when its batch has ended, and so is its ticket`,
        onBench(async (bench) => {
          const ticket = await ticketFor(bench, bench.row(1));
          await copied(bench);
          await bench.stage(UPDATE, { ...UPDATE, rowKey: bench.row(1) });
          await bench.flush({ 0: outcome, 1: outcome });
          expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
          expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        }),
      );
    }

    for (const kind of ['insert', 'upsert', 'delete'] as const) {
      it(
        `R3: the copy of a row of which a pending ${kind} was written is gone`,
        onBench(async (bench) => {
          await copied(bench);
          await bench.stage({ kind, version: '6', ...(kind === 'delete' && { base: '5' }) });
          await bench.flush();
          expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        }),
      );
    }

    it(
      'R3: copies go in the step that ends the batch, not later: a look-up behind it finds none',
      onBench(async (bench) => {
        await copied(bench);
        await bench.stage(UPDATE);
        const { token } = await bench.claim();
        const ended = bench.store.acknowledge(0, token, new Map([[bench.row(0), rejected]]), []);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        expect(await ended).toBe(true);
      }),
    );

    it(
      'R3: a record that was written as it was is carried on behind the copy',
      onBench(async (bench) => {
        await copied(bench);
        await bench.stage(UPDATE);
        const first = await bench.dirty();
        await bench.flush();
        await bench.stage({ kind: 'increment', deltas: { loans: '2' } });
        const second = await bench.dirty();
        await bench.flush();
        const answer = await look(bench);
        expect(answer).toMatchObject({ kind: 'copy', bytes: bytesOf('v5') });
        expect(answer?.kind === 'copy' && answer.carried).toEqual([first, second]);
        expect(answer?.kind === 'copy' && answer.pending).toEqual({ recent: { version: '6', deleted: false } });
      }),
    );

    it(
      'R3: an update that compares nothing is carried on with the version that the database has given the row',
      onBench(async (bench) => {
        await copied(bench);
        await bench.stage({ values: { name: '"patched"' } });
        const record = await bench.dirty();
        await bench.flush({ 0: { kind: 'version', version: '6' } });
        const answer = await look(bench);
        expect(answer).toMatchObject({ kind: 'copy', bytes: bytesOf('v5') });
        expect(answer?.kind === 'copy' && answer.carried).toEqual([{ ...record, version: '6' }]);
      }),
    );

    it(
      'R3: an update that compares loaded values is not carried on with another version: it may have met a conflict',
      onBench(async (bench) => {
        await copied(bench);
        await bench.stage({ values: { name: '"new"' }, originals: { name: '"old"' } });
        await bench.flush({ 0: { kind: 'version', version: '6' } });
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R3: a batch to which something was added carries nothing on',
      onBench(async (bench) => {
        await copied(bench);
        await copied(bench, 'v5', bench.row(1));
        await bench.stage(UPDATE);
        const { token, attempts } = await bench.claim();
        await bench.stage({ ...UPDATE, rowKey: bench.row(1) });
        const rows = [bench.row(1)];
        await bench.store.extend(0, { token, attempts, outcomes: new Map(), rows });
        await bench.store.acknowledge(0, token, new Map([[bench.row(1), { kind: 'applied', part: 1 }]]), []);
        for (const row of [bench.row(0), bench.row(1)])
          expect(await look(bench, row)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R3: an increment that may make its row carries nothing on',
      onBench(async (bench) => {
        await copied(bench);
        await bench.stage({ kind: 'increment', deltas: { loans: '2' }, missing: 'drop' });
        await bench.flush();
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R3: a record in doubt is not carried on: it may have been in the row before',
      onBench(async (bench) => {
        await bench.stage(UPDATE);
        await bench.store.park(0, { inFlight: '', last: bench.last }, 'T9', 'park');
        bench.last = 'T9';
        await copied(bench);
        expect(await look(bench)).toMatchObject({ kind: 'copy', pending: { dirty: { doubtful: true } } });
        await bench.flush();
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R3: a copy carries so many records, and is dropped with the next',
      onBench(async (bench) => {
        await copied(bench);
        for (let times = 1; times <= MOST_CARRIED; times += 1) {
          await bench.stage({ kind: 'increment', deltas: { loans: String(times) } });
          await bench.flush();
        }
        const answer = await look(bench);
        const carried = answer?.kind === 'copy' ? answer.carried.map(({ deltas }) => deltas['loans']) : [];
        expect(carried).toEqual(Array.from({ length: MOST_CARRIED }, (_, index) => String(index + 1)));
        await bench.stage({ kind: 'increment', deltas: { loans: '1' } });
        await bench.flush();
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R3: a copy that has no room for what it would carry on is dropped',
      onBench(
        async (bench) => {
          await copied(bench, 'x'.repeat(1_200));
          await bench.stage({ ...UPDATE, values: { name: `"${'y'.repeat(900)}"` } });
          await bench.flush();
          expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        },
        { cacheBytes: 4_000 },
      ),
    );

    it(
      'R5: a held row has neither copy nor ticket; a hold that was dropped leaves the copy as it was',
      onBench(async (bench) => {
        await copied(bench);
        const { id } = await bench.hold('7', [], UPDATE);
        expect(await look(bench)).toEqual({ kind: 'pending' });
        await bench.store.held.drop(0, [id]);
        expect(await look(bench)).toMatchObject({ kind: 'copy' });
        const other = await bench.hold('8', [], UPDATE);
        await bench.stageHeld(other.id);
        expect(await look(bench)).toMatchObject({ kind: 'copy', pending: { dirty: { values: UPDATE.values } } });
        await bench.hold('9', [], { ...UPDATE, rowKey: bench.row(1) });
        expect(await look(bench, bench.row(1))).toEqual({ kind: 'pending' });
      }),
    );

    it(
      'R6: a block takes copy and ticket; after it, the row is filled anew',
      onBench(async (bench) => {
        await copied(bench);
        const ticket = await ticketFor(bench, bench.row(1));
        const rows = { table: PRODUCTS, keys: [bench.row(0), bench.row(1)] };
        await bench.store.cache.block(rows, '101');
        expect(await look(bench)).toMatchObject({ kind: 'blocked' });
        await bench.store.cache.unblock(rows, '101');
        expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
      }),
    );

    it(
      'R7: a copy that a reader finds old is dropped, with its ticket',
      onBench(async (bench) => {
        await copied(bench);
        const ticket = await ticketFor(bench, bench.row(1));
        await bench.store.cache.drop([bench.row(0), bench.row(1)]);
        expect(await look(bench)).toMatchObject({ kind: 'ticket' });
        expect(await fill(bench, ticket, 'v5', bench.row(1))).toBe(0);
      }),
    );

    it(
      'a letter that is tried again leaves the copy: it is laid over it like any other change',
      onBench(async (bench) => {
        await bench.stage(UPDATE);
        await bench.flush({ 0: conflicted });
        await copied(bench, 'v9');
        const [letter] = await bench.store.deadLetters.list();
        if (!letter) throw new Error('Expected a dead letter');
        expect(await bench.store.deadLetters.retry(letter, { force: true })).toBe('staged');
        expect(await look(bench)).toMatchObject({ kind: 'copy', pending: { dirty: { values: UPDATE.values } } });
      }),
    );
  });
}
