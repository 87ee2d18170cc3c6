import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchOutcome, Outcome } from '../../../src/change/outcome.js';
import type { RowKey } from '../../../src/change/row-key.js';
import { decodeOutcomes, encodeOutcomes } from '../../../src/sink/postgres/ledger/outcome-codec.js';

const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
const version = fc.bigInt(0n, 9_223_372_036_854_775_807n).map(String);
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('version' as const), version }),
  fc.record({ kind: fc.constant('superseded' as const) }),
  fc.record({ kind: fc.constant('superseded' as const), version }),
  fc.record({ kind: fc.constant('again' as const), attempts: fc.nat(), delayMs: fc.nat(), reason: text }),
  fc.record({
    kind: fc.constant('buried' as const),
    code: text,
    reason: text,
    rejected: fc.boolean(),
    counted: fc.boolean(),
  }),
);

test('what is encoded is decoded, whatever the row keys are', () => {
  const keys = fc.oneof(fc.string(), fc.constant('__proto__')) as fc.Arbitrary<RowKey>;
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, outcome)), (entries) => {
      const outcomes: BatchOutcome = new Map(entries);
      expect(decodeOutcomes(encodeOutcomes(outcomes))).toEqual(outcomes);
    }),
  );
});

test('a reason gives up what jsonb refuses, so that the ledger row can always be written', () => {
  const odd: Outcome = { kind: 'again', attempts: 1, delayMs: 1, reason: 'a\0b\ud800c' };
  expect(encodeOutcomes(new Map([['k' as RowKey, odd]]))).toContain('"ab\ufffdc"');
});

test.each(['{"v":2,"o":[]}', '[]', 'null', '{"v":1}', '7'])(
  'the ledger row of another release is refused: %s',
  (json) => {
    expect(() => decodeOutcomes(json)).toThrow(/CONFIG_INVALID/);
  },
);
