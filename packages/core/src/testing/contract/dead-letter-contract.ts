import { AT_ONCE, conflicted, rejected, type ContractContext } from './bench.js';

/** Dead letters: records that are kept for an operator. */
export function deadLetterContract({ describe, it, expect, onBench }: ContractContext): void {
  describe('dead letters', () => {
    it(
      'are listed newest first, by pages',
      onBench(async (bench) => {
        for (const n of [0, 1, 2]) {
          await bench.stage({ rowKey: bench.row(n), values: { n: String(n) } });
          await bench.flush({ [n]: rejected });
        }
        const letters = await bench.store.deadLetters.list();
        expect(letters.map((letter) => letter.rowKey)).toEqual([bench.row(2), bench.row(1), bench.row(0)]);
        expect(await bench.store.deadLetters.list({ offset: 1, limit: 1 })).toEqual(letters.slice(1, 2));
        expect(await bench.store.deadLetters.list({ code: 'CONFLICT' })).toEqual([]);
        expect(await bench.store.deadLetters.list({ entity: 'Customer' })).toEqual([]);
        expect(await bench.store.deadLetters.list({ entity: 'Product', code: '23514', limit: 2 })).toEqual(
          letters.slice(0, 2),
        );
        expect(letters[1] && (await bench.store.deadLetters.get(letters[1]))).toEqual(letters[1]);
        expect(await bench.store.deadLetters.get({ shard: 0, id: '99' })).toBeUndefined();
        expect(letters[0]).toMatchObject({
          shard: 0,
          code: '23514',
          reason: 'check',
          token: 'T3',
          record: { values: { n: '2' } },
        });
      }),
    );

    it(
      'keep all that the database said, beside the reason',
      onBench(async (bench) => {
        for (const n of [0, 1]) await bench.stage({ rowKey: bench.row(n), values: { n: '0' } });
        await bench.flush({ 0: { ...rejected, message: 'Key (name)=(Ada) exists' }, 1: rejected });
        const letters = await bench.store.deadLetters.list();
        const messageOf = (n: number): string | undefined =>
          letters.find(({ rowKey }) => rowKey === bench.row(n))?.message;
        expect(letters.map(({ reason }) => reason)).toEqual(['check', 'check']);
        expect([messageOf(0), messageOf(1)]).toEqual(['Key (name)=(Ada) exists', undefined]);
      }),
    );

    it(
      'can be discarded, once',
      onBench(async (bench) => {
        await bench.stage({ values: { n: '0' } });
        await bench.flush({ 0: rejected });
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        expect(await bench.store.deadLetters.discard(letter)).toBe(true);
        expect(await bench.store.deadLetters.discard(letter)).toBe(false);
        expect(await bench.store.deadLetters.retry(letter)).toBe('absent');
      }),
    );

    it(
      'come back as they were, due at once',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { n: '0' } });
        await bench.flush({ 0: rejected });
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        expect(await bench.store.deadLetters.retry(letter)).toBe('staged');
        expect((await bench.claim()).records.get(bench.row(0))).toMatchObject({
          base: '5',
          version: '6',
          values: { n: '0' },
          attempts: 0,
        });
        expect(await bench.store.stats()).toMatchObject({ pending: { Product: 1 }, dead: 0 });
      }),
    );

    it(
      'come back with values that a person has replaced, and the others as they were',
      onBench(async (bench) => {
        const values = { n: '-1', name: '"Ada"' };
        await bench.stage({ base: '5', version: '6', values });
        await bench.flush({ 0: rejected });
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        await bench.stage({ values: { other: '1' } });
        const edit = { n: '0', added: '"é"' };
        expect(await bench.store.deadLetters.retry(letter, { values: edit })).toBe('newer');
        expect(await bench.store.deadLetters.get(letter)).toEqual(letter);
        expect(await bench.store.deadLetters.retry(letter, { values: edit, force: true })).toBe('staged');
        expect(await bench.dirty()).toMatchObject({ values: { ...values, ...edit, other: '1' } });
      }),
    );

    it(
      'are listed by row, and only the shard of the row is asked',
      onBench(async (bench) => {
        for (const n of [0, 1]) await bench.stage({ rowKey: bench.row(n), values: { n: String(n) } });
        await bench.flush({ 0: rejected, 1: rejected });
        await bench.stage({ rowKey: bench.row(1), values: { n: '2' } });
        await bench.flush({ 1: rejected });
        const found = await bench.store.deadLetters.list({ rowKey: bench.row(1) });
        expect(found.map(({ record }) => record.values)).toEqual([{ n: '2' }, { n: '1' }]);
        expect(await bench.store.deadLetters.list({ rowKey: bench.row(1), offset: 1 })).toEqual(found.slice(1));
        expect(await bench.store.deadLetters.list({ rowKey: bench.row(0, 'product', 2) })).toEqual([]);
      }),
    );

    it(
      'never overwrite something newer unless forced (M6)',
      onBench(async (bench) => {
        await bench.stage({ values: { a: 'old', b: 'old' } });
        await bench.flush({ 0: rejected });
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        await bench.stage({ values: { a: 'new' } });
        expect(await bench.store.deadLetters.retry(letter)).toBe('newer');
        const batch = await bench.claim();
        expect(await bench.store.deadLetters.retry(letter)).toBe('newer');
        await bench.end(batch);
        expect(await bench.store.deadLetters.retry(letter)).toBe('newer');
        bench.rules = AT_ONCE;
        await bench.stage({ values: { a: 'newest' } });
        expect(await bench.store.deadLetters.retry(letter, { force: true })).toBe('staged');
        expect(await bench.dirty()).toMatchObject({ values: { a: 'newest', b: 'old' } });
      }),
    );

    it(
      'stay where they are when their differences and the pending ones leave 64 bits, and nothing pending is touched',
      onBench(async (bench) => {
        await bench.stage({ kind: 'increment', deltas: { stock: '-1' } });
        await bench.flush({ 0: rejected });
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        const least = '-9223372036854775808';
        await bench.stage({ kind: 'increment', deltas: { stock: least } });
        const refused = await bench.store.deadLetters.retry(letter, { force: true }).catch(String);
        expect(refused.includes('COUNTER_OVERFLOW')).toBe(true);
        expect(await bench.dirty()).toMatchObject({ deltas: { stock: least } });
        expect((await bench.store.deadLetters.list()).length).toBe(1);
      }),
    );

    it(
      'of a conflict are based on what is known of the row when they are forced',
      onBench(async (bench) => {
        await bench.stage({ base: '5', version: '6', values: { a: '1' } });
        await bench.flush({ 0: conflicted });
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        expect(await bench.store.deadLetters.retry(letter)).toBe('newer');
        expect(await bench.store.deadLetters.retry(letter, { force: true })).toBe('staged');
        expect(await bench.dirty()).toMatchObject({ base: '9', version: '10', values: { a: '1' } });
      }),
    );
  });
}
