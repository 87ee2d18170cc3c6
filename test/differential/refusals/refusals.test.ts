import { sized } from '@spillway/test-support';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CODES, openGate } from './gate.js';
import { play, type Step } from './play.js';

const ROWS = 6;
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('Parcel' as const, 'Letter' as const),
  row: fc.nat(ROWS - 1),
  refused: fc.option(fc.constantFrom(...CODES), { nil: undefined, freq: 3 }),
  flush: fc.boolean(),
  drain: fc.nat(3).map((one) => one === 0),
});
const PROGRAMS = Number(process.env['SPILLWAY_REFUSALS_PROGRAMS'] ?? sized({ short: 10, long: 40 }));
const SEED = Number(process.env['SPILLWAY_REFUSALS_SEED'] ?? 1);

test(`triggers that refuse rows with any code keep no good row from being written (${PROGRAMS} programs, seed ${SEED})`, async () => {
  await using gate = await openGate();
  let first = 0;
  const steps = fc.array(step, { minLength: 2, maxLength: 16, size: 'max' });
  const program = fc.asyncProperty(steps, async (taken) => {
    first += ROWS;
    const { seen, meant } = await play(gate, first, taken);
    expect(seen).toEqual(meant);
  });
  await fc.assert(program, { numRuns: PROGRAMS, seed: SEED });
}, 600_000);
