import { expect, test } from 'vitest';
import { judge } from '../mikro-orm-suite/judge.js';
import { differences, idOf, outcomesOf, type Outcome } from '../mikro-orm-suite/outcomes.js';

const outcome = (title: string, status: string): Outcome => ({ file: 'a.test.ts', title, status, message: 'wrong' });
const id = (title: string): string => idOf({ file: 'a.test.ts', title });

test('a test differs if it ends otherwise, is missing, or is known to one run alone', () => {
  const plain = [outcome('same', 'failed'), outcome('other', 'passed'), outcome('missing', 'passed')];
  const ours = [outcome('same', 'failed'), outcome('other', 'failed'), outcome('new', 'passed')];
  const found = differences(plain, ours).map((each) => [each.id, [each.plain, each.ours.status]]);
  expect(Object.fromEntries(found)).toEqual({
    [id('other')]: ['passed', 'failed'],
    [id('missing')]: ['passed', 'missing'],
    [id('new')]: ['missing', 'passed'],
  });
});

test('of two tests of one title the one that failed counts', () => {
  const [difference] = differences([outcome('a', 'passed')], [outcome('a', 'failed'), outcome('a', 'passed')]);
  expect(difference?.ours.status).toBe('failed');
});

test('a file that could not be run is one test that failed', () => {
  const report = { testResults: [{ name: '/suite/tests/a.test.ts', message: 'no such module', assertionResults: [] }] };
  expect(outcomesOf(report, '/suite')).toEqual([
    { file: 'tests/a.test.ts', title: '', status: 'failed', message: 'no such module' },
  ]);
});

test('a difference has to be known, and a known one of the files that ran has to be seen', () => {
  const found = differences([outcome('a', 'passed')], [outcome('a', 'failed')]);
  const known = { id: id('a'), reason: 'statements' } as const;
  expect(judge(found, [known], ['a.test.ts'])).toMatchObject({ isAsKnown: true });
  expect(judge(found, [], ['a.test.ts'])).toMatchObject({ isAsKnown: false });
  expect(judge([], [known], ['a.test.ts'])).toMatchObject({ isAsKnown: false, lines: [`  NO LONGER ${known.id}`] });
  expect(judge([], [known], ['b.test.ts'])).toMatchObject({ isAsKnown: true });
});

test('a difference that time or chance decides need not be seen, but has to be known', () => {
  const known = { id: id('a'), reason: 'raced' } as const;
  expect(judge([], [known], ['a.test.ts'])).toEqual({ isAsKnown: true, lines: [] });
  const found = differences([outcome('a', 'passed')], [outcome('a', 'failed')]);
  expect(judge(found, [known], ['a.test.ts'])).toMatchObject({
    isAsKnown: true,
    lines: [expect.stringMatching('1 known')],
  });
});
