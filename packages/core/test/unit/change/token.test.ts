import { describe, expect, it } from 'vitest';
import { compareChain } from '../../../src/flush/chain.js';
import { ORIGIN, positionOf, tokenAfter } from '../../../src/change/token.js';

describe('a token', () => {
  it('follows its predecessor by one', () => {
    const first = tokenAfter(ORIGIN, () => 'aa');
    expect(first).toBe('000000000001-aa');
    expect(tokenAfter(first, () => 'bb')).toBe('000000000002-bb');
    expect(positionOf(tokenAfter('000000000999-cc'))).toBe(1000);
  });

  it('is unique, even after the same predecessor', () => {
    expect(tokenAfter(ORIGIN)).not.toBe(tokenAfter(ORIGIN));
  });

  it('has no position when it is none of ours', () => {
    expect(positionOf(ORIGIN)).toBe(0);
    expect(positionOf('42-aa')).toBeUndefined();
    expect(positionOf('anything')).toBeUndefined();
  });
});

describe('the two ends of a chain', () => {
  it.each([
    [ORIGIN, ORIGIN, 'whole'],
    ['000000000003-aa', '000000000003-aa', 'whole'],
    ['000000000002-aa', '000000000003-aa', 'staging-forgot'],
    [ORIGIN, '000000000001-aa', 'staging-forgot'],
    ['000000000004-bb', '000000000003-aa', 'database-forgot'],
    ['000000000001-bb', ORIGIN, 'database-forgot'],
  ])('staging %j against database %j: %s', (staging, database, state) => {
    expect(compareChain(staging, database)).toBe(state);
  });

  it('are doubtful on two branches of one length, and when a token is none of ours', () => {
    expect(compareChain('000000000003-bb', '000000000003-aa')).toBe('staging-forgot');
    expect(compareChain('zzz', '000000000003-aa')).toBe('staging-forgot');
    expect(compareChain('000000000003-aa', 'zzz')).toBe('staging-forgot');
  });
});
