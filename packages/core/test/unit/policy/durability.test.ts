import { describe, expect, test } from 'vitest';
import { givenDurability, strictest, type Tier } from '../../../src/policy/durability.js';
import { resolvePolicy } from '../../../src/policy/resolve-policy.js';

test.each<readonly [Tier, Tier, Tier]>([
  ['primary', 'primary', 'primary'],
  ['primary', 'fsynced', 'fsynced'],
  ['replicated', 'primary', 'replicated'],
  ['replicated', 'replicated', 'replicated'],
  ['replicated', 'fsynced', 'both'],
  ['both', 'primary', 'both'],
  ['fsynced', 'both', 'both'],
])('of %s and %s, the strictest is %s', (one, other, both) => {
  expect([strictest(one, other), strictest(other, one)]).toEqual([both, both]);
});

describe('the option durability', () => {
  test('of a call is one of three, or left out', () => {
    expect(givenDurability('save()', { durability: 'fsynced' })).toBe('fsynced');
    expect(givenDurability('save()', {})).toBeUndefined();
    expect(givenDurability('save()')).toBeUndefined();
    expect(() => givenDurability('save()', { durability: 'replicate' })).toThrow(
      "durability in the options of save() is 'replicate'; it must be 'primary', 'replicated' or 'fsynced' [CONFIG_INVALID]",
    );
  });

  test('of a policy goes before that of the defaults', () => {
    const of = (own: object, defaults: object): string =>
      resolvePolicy('Product', own, defaults, { versioned: true }).durability;
    expect(of({}, {})).toBe('primary');
    expect(of({}, { durability: 'replicated' })).toBe('replicated');
    expect(of({ durability: 'primary' }, { durability: 'replicated' })).toBe('primary');
    expect(() => of({ durability: 'both' }, {})).toThrow(
      /durability in the policy of Product is .both.; it must be 'primary', 'replicated' or 'fsynced'/u,
    );
  });

  test('has no meaning where an entity is written through', () => {
    expect(() =>
      resolvePolicy('Product', { mode: 'through', durability: 'replicated' }, {}, { versioned: true }),
    ).toThrow(/Option "durability" in the policy of Product is for entities that are written behind/u);
  });
});
