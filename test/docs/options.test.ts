import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../packages/core/src/policy/duration.js';
import { resolvePolicy } from '../../packages/core/src/policy/resolve-policy.js';
import type { StoredPolicy } from '../../packages/core/src/policy/write-policy.js';
import { IOREDIS_OPTIONS } from '../../packages/core/src/staging/redis/ioredis-options.js';
import { resolveOptions } from '../../packages/core/src/resolve-options.js';
import { codesIn, document, tableBelow } from './markdown.js';

/** An option as the documents have it. */
interface Row {
  readonly name: string;
  readonly byDefault: string | undefined;
  readonly allowed: string;
}

type Options = Readonly<Record<string, unknown>>;

/** Reads a whole object of options, with everything decided. */
type Resolve = (options: Options) => unknown;

const page = document('docs/options.md');

const tables: readonly { readonly heading: string; readonly resolve: Resolve; readonly groups: readonly string[] }[] = [
  {
    heading: 'Options of `spillway\\(\\)`',
    resolve: (options) => resolveOptions({ redis: 'redis://localhost', ...options }),
    groups: ['worker', 'tables', 'cache', 'deadLetters'],
  },
  {
    heading: 'Options of a policy',
    resolve: (options) => resolvePolicy('Product', options, {}, { versioned: true }),
    groups: ['retry', 'cache'],
  },
];

/** Options whose limits depend on another one: what that one has to be. */
const companions: Readonly<Record<string, Options>> = {
  debounce: { maxDelay: '24h' },
  maxDelay: { debounce: 0 },
  'retry.minDelay': { retry: { maxDelay: '24h' } },
  'retry.maxDelay': { retry: { minDelay: 1 } },
};

describe.each(tables)('the table "$heading"', ({ heading, resolve, groups }) => {
  const rows = tableBelow(page, heading).map(([name = '', byDefault = '', allowed = '']): Row => ({
    name: codesIn(name)[0] ?? '',
    byDefault: codesIn(byDefault)[0],
    allowed,
  }));
  const accepts = (row: Row, value: unknown): boolean => failureOf(() => resolve(given(row.name, value))) === undefined;

  test('names every option there is, and no other', () => {
    const known = [
      ...knownIn(resolve, undefined).filter((name) => !groups.includes(name) || name === 'worker'),
      ...groups.flatMap((group) => knownIn(resolve, group)),
    ];
    const named = rows.map(({ name }) => name);
    expect(named.toSorted()).toEqual(known.filter((name) => name !== 'tables').toSorted());
  });

  test.each(rows.filter(({ byDefault }) => byDefault !== undefined))(
    '$name is $byDefault by default',
    ({ name, byDefault = '' }) => {
      expect(resolve(nested(name, literal(byDefault)))).toEqual(resolve({}));
    },
  );

  test.each(rows.filter(({ allowed }) => / to `/.test(allowed)))('$name is $allowed', (row) => {
    const [low, high] = codesIn(row.allowed).map(literal).map(amountOf) as [number, number];
    expect([low, high].map((value) => accepts(row, value))).toEqual([true, true]);
    expect([low - 1, high + 1].map((value) => accepts(row, value))).toEqual([false, false]);
  });

  test.each(rows.filter(({ allowed }) => /`'/.test(allowed) && !/ to `/.test(allowed)))(
    '$name is one of $allowed',
    (row) => {
      const message = failureOf(() => resolve(given(row.name, 'nonsense'))) ?? '';
      const known = [...(message.split('it must be')[1] ?? '').matchAll(/'([^']+)'/g)].map(([, choice = '']) => choice);
      const named = codesIn(row.allowed)
        .filter((code) => code.startsWith("'"))
        .map((code) => code.slice(1, -1));
      expect(named.toSorted()).toEqual(known.toSorted());
      expect(named.every((choice) => accepts(row, choice))).toBe(true);
    },
  );
});

test('the counters that are allowed are as many as are accepted', () => {
  const policy = (count: number): StoredPolicy => ({
    counters: Array.from({ length: count }, (_, index) => `c${index}`),
  });
  const resolve = (count: number) => failureOf(() => resolvePolicy('Product', policy(count), {}, { versioned: true }));
  expect(page.text).toContain('at most 64 integer, bigint or numeric properties');
  expect([resolve(64), resolve(65)]).toEqual([undefined, expect.stringContaining('at most 64')]);
});

/** `'2s'` and `64` as JavaScript has them. */
function literal(code: string): unknown {
  return JSON.parse(code.replaceAll("'", '"'));
}

function amountOf(value: unknown): number {
  return typeof value === 'number'
    ? value
    : parseDuration('a limit', value, { minMs: 0, maxMs: Number.MAX_SAFE_INTEGER });
}

/** The option alone, in its group if it has one. */
function nested(name: string, value: unknown): Options {
  const [group = '', inner] = name.split('.');
  return inner === undefined ? { [group]: value } : { [group]: { [inner]: value } };
}

function given(name: string, value: unknown): Options {
  const options = nested(name, value);
  const companion = companions[name] ?? {};
  return Object.fromEntries(
    [...new Set([...Object.keys(options), ...Object.keys(companion)])].map((key) => [
      key,
      merged(options[key], companion[key]),
    ]),
  );
}

function merged(own: unknown, companion: unknown): unknown {
  const areObjects = [own, companion].every((value) => typeof value === 'object' && value !== null);
  return areObjects ? { ...(companion as object), ...(own as object) } : (own ?? companion);
}

/** Asks the code, which answers a misspelt option with those that it knows. */
function knownIn(resolve: Resolve, group: string | undefined): string[] {
  const message = failureOf(() => resolve(group === undefined ? { nonsense: 1 } : { [group]: { nonsense: 1 } })) ?? '';
  return (/Known are (.*?) \[/.exec(message)?.[1] ?? '').split(', ');
}

function failureOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('the table of options of ioredis has every one of them, and says whether it is kept', () => {
  const rows = tableBelow(page, '`redis`, and the options of ioredis').flatMap(([names = '', fate = '']) =>
    codesIn(names).map((name) => [name, fate.split(':')[0]] as const),
  );
  expect(Object.fromEntries(rows)).toEqual({ ...IOREDIS_OPTIONS });
  expect(rows).toHaveLength(Object.keys(IOREDIS_OPTIONS).length);
});
