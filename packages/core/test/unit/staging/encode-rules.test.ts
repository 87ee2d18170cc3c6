import { expect, test } from 'vitest';
import { encodeRules } from '../../../src/staging/redis/group-scripts.js';

const RULES = { debounceMs: 0, maxDelayMs: 0, maxPending: 100, maxRecordBytes: 10_000 };

test('rules are encoded once, in whichever order the entities come', () => {
  const rules = { A: RULES, B: RULES };
  expect(encodeRules(rules, new Set(['B', 'A']))).toBe(encodeRules(rules, new Set(['A', 'B'])));
});
