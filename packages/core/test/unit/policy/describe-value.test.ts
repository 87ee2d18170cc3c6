import { describe, expect, it } from 'vitest';
import { closest } from '../../../src/policy/describe-value.js';

const KNOWN = ['debounce', 'maxDelay', 'maxPending', 'detect', 'onFull'];

describe('the closest known name', () => {
  it.each([
    ['debonce', 'debounce'],
    ['deboucne', 'debounce'],
    ['maxdelay', 'maxDelay'],
    ['maxPendings', 'maxPending'],
    ['onfull', 'onFull'],
  ])('of %s is %s', (given, expected) => {
    expect(closest(given, KNOWN)).toBe(expected);
  });

  it.each(['cache', 'x', '', 'durability', 'constructor'])('of %j is none', (given) => {
    expect(closest(given, KNOWN)).toBeUndefined();
  });
});
