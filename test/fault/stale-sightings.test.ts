import { expect, test } from 'vitest';
import type { Saw, Wrote } from './support/journal.js';
import { staleSightings } from './support/stale-sightings.js';

const row = 'Row 1';

function wrote(text: string, begun: number, done: number): Wrote {
  return { kind: 'wrote', row, text, begun: String(begun), done: String(done) };
}

function saw(text: string, begun: number): Saw {
  return { kind: 'saw', row, text, begun: String(begun) };
}

test('a text is stale once a later write has replaced it', () => {
  const writes = [wrote('a', 1, 2), wrote('b', 3, 5)];
  expect(staleSightings([...writes, saw('a', 6)])).toEqual(['Row 1 was seen as "a" at 6, and was "b" since 5']);
  expect(staleSightings([...writes, saw('a', 4), saw('b', 6)])).toEqual([]);
});

test('of two writes at one time either may be the newer one', () => {
  const writes = [wrote('a', 1, 4), wrote('b', 3, 5)];
  expect(staleSightings([...writes, saw('a', 6), saw('b', 6)])).toEqual([]);
});

test('a write of another row, and one that was never acknowledged, replace nothing for certain', () => {
  const other = { ...wrote('b', 3, 5), row: 'Row 2' };
  expect(staleSightings([wrote('a', 1, 2), other, saw('a', 6), saw('in doubt', 6)])).toEqual([]);
});
