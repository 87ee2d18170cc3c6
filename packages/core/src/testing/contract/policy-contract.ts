import { AT_ONCE, rejected, type Bench, type ContractContext } from './bench.js';
import { stageOne } from './one-unit.js';

const UNDER = (policy: string) => ({ ...AT_ONCE, policy });
const LONG_MS = 600_000;

/** The policy under which an entity is staged, and the end of its staging. */
export function policyContract({ describe, it, expect, onBench }: ContractContext): void {
  const refusals = async (bench: Bench) => {
    const answer = await bench.stage({ kind: 'increment', deltas: { n: '1' } });
    return answer.status === 'refused' ? answer.refusals.map(({ reason }) => reason) : answer.status;
  };

  describe('the policy of an entity', () => {
    it(
      'gives way to another one when nothing is pending under it, and not before (F37)',
      onBench(async (bench) => {
        bench.rules = UNDER('old');
        expect(await refusals(bench)).toBe('staged');
        expect(await refusals(bench)).toBe('staged');
        bench.rules = UNDER('new');
        expect(await refusals(bench)).toEqual(['policy']);
        const batch = await bench.claim();
        expect(await refusals(bench)).toEqual(['policy']);
        await bench.end(batch);
        expect(await refusals(bench)).toBe('staged');
        bench.rules = UNDER('old');
        expect(await refusals(bench)).toEqual(['policy']);
      }),
    );

    it(
      'is not forgotten by a rejoin while something is pending under it',
      onBench(async (bench) => {
        bench.rules = UNDER('old');
        expect(await refusals(bench)).toBe('staged');
        await bench.store.policies.rejoin(['Product']);
        bench.rules = UNDER('new');
        expect(await refusals(bench)).toEqual(['policy']);
      }),
    );

    it(
      'is asked by a check too, which changes nothing',
      onBench(async (bench) => {
        bench.rules = UNDER('old');
        const asked = bench.call({ values: { n: '1' } });
        await bench.store.check(asked, asked.rules);
        bench.rules = UNDER('new');
        expect(await refusals(bench)).toBe('staged');
        bench.rules = UNDER('old');
        const again = bench.call({ values: { n: '1' } });
        expect(await bench.store.check(again, again.rules)).toMatchObject({
          status: 'refused',
          refusals: [{ reason: 'policy' }],
        });
      }),
    );

    it(
      'does not concern whoever has none',
      onBench(async (bench) => {
        bench.rules = UNDER('old');
        await refusals(bench);
        bench.rules = AT_ONCE;
        expect(await refusals(bench)).toBe('staged');
      }),
    );
  });

  describe('an entity', () => {
    it(
      'is left when nothing of it is pending, and is staged no more then (F37)',
      onBench(async (bench) => {
        bench.rules = UNDER('one');
        await refusals(bench);
        expect(await bench.store.policies.leave(['Product', 'Other'], 0)).toEqual(['Other']);
        const batch = await bench.claim();
        expect(await bench.store.policies.leave(['Product'], 0)).toEqual([]);
        await bench.end(batch);
        expect(await bench.store.policies.leave(['Product'], 0)).toEqual(['Product']);
        expect(await refusals(bench)).toEqual(['left']);
        expect(await bench.store.policies.leave(['Product'], LONG_MS)).toEqual(['Product']);
      }),
    );

    it(
      'is not left while somebody stages it',
      onBench(async (bench) => {
        bench.rules = UNDER('one');
        await refusals(bench);
        await bench.flush();
        expect(await bench.store.policies.leave(['Product'], LONG_MS)).toEqual([]);
        expect(await refusals(bench)).toBe('staged');
      }),
    );

    it(
      'is left in all shards or in none',
      onBench(async (bench) => {
        await bench.store.adopt(1, 'T0');
        bench.rules = UNDER('one');
        const rules = { Product: bench.rules };
        const rowKey = bench.row(0, 'product', 1);
        await stageOne(bench.store, { id: 'elsewhere', rules, changes: [bench.change({ rowKey })] });
        expect(await bench.store.policies.leave(['Product'], 0)).toEqual([]);
        expect(await refusals(bench)).toBe('staged');
      }),
    );

    it(
      'that was left has no dead letters put back, of which nobody would look; they stay where they are',
      onBench(async (bench) => {
        bench.rules = UNDER('one');
        await refusals(bench);
        await bench.flush({ 0: rejected });
        await bench.store.policies.leave(['Product'], 0);
        const [letter] = await bench.store.deadLetters.list();
        if (letter === undefined) throw new Error('There is no dead letter');
        for (const options of [{}, { force: true }]) {
          const refusal: unknown = await bench.store.deadLetters
            .retry(letter, options)
            .catch((error: unknown) => error);
          expect(refusal).toMatchObject({ code: 'POLICY_MISMATCH' });
          expect(
            /^The dead letter of a change of Product .*rejoin\(\).* discard/.test((refusal as Error).message),
          ).toBe(true);
        }
        expect(await bench.store.stats()).toMatchObject({ pending: {}, dead: 1 });
        await bench.store.policies.rejoin(['Product']);
        expect(await bench.store.deadLetters.retry(letter)).toBe('staged');
      }),
    );

    it(
      'can be rejoined',
      onBench(async (bench) => {
        bench.rules = UNDER('one');
        await bench.store.policies.leave(['Product'], 0);
        expect(await refusals(bench)).toEqual(['left']);
        await bench.store.policies.rejoin(['Product']);
        expect(await refusals(bench)).toBe('staged');
      }),
    );
  });
}
