import { sized } from '@spillway/test-support';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { play, type Step } from './play.js';
import { BOOKS, openShelf, PROPERTIES } from './shelf.js';

const writer = fc.nat(2);
const property = fc.constantFrom(...PROPERTIES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('load' as const),
      writer,
      by: fc.constantFrom('key' as const, 'query' as const, 'refresh' as const),
    }),
  },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('change' as const), writer, property }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('native' as const), property }) },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constant('transaction' as const),
      property,
      way: fc.constantFrom('through' as const, 'stage' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('sql' as const), property }) },
  { weight: 1, arbitrary: fc.constant({ act: 'drain' as const }) },
);
const PROGRAMS = Number(process.env['SPILLWAY_WITNESS_PROGRAMS'] ?? sized({ short: 15, long: 60 }));
const SEED = Number(process.env['SPILLWAY_WITNESS_SEED'] ?? 1);

/**
 * Another program writes the same rows by SQL, and so makes the version numbers that are pending (H15). No plain
 * world can be compared with that: what is staged later is written later. So every write is followed instead. It is
 * in the row, in a dead letter, or was written over by a writer who had seen it.
 */
test(`no acknowledged write is lost in silence beside SQL that makes the same versions (${PROGRAMS} programs, seed ${SEED})`, async () => {
  await using shelf = await openShelf();
  let id = 0;
  const program = fc.asyncProperty(
    fc.nat(BOOKS.length - 1),
    fc.array(step, { minLength: 4, maxLength: 20, size: 'max' }),
    async (number, steps) => {
      id += 1;
      expect(await play(shelf, BOOKS[number] ?? BOOKS[0], id, steps)).toEqual([]);
    },
  );
  await fc.assert(program, { numRuns: PROGRAMS, seed: SEED });
}, 600_000);
