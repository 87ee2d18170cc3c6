import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../../src/errors.js';
import { failureOf } from '../../../src/flush/failure.js';

function coded(code: string): Error {
  return Object.assign(new Error(`an error ${code}`), { code });
}

describe('a failure', () => {
  it.each([
    ['40001', 'restart'],
    ['40P01', 'restart'],
    ['08006', 'sink-down'],
    ['57P01', 'sink-down'],
    ['53300', 'sink-down'],
    ['25006', 'sink-down'],
    ['ECONNREFUSED', 'sink-down'],
    ['42P01', 'blocked'],
    ['42501', 'blocked'],
    ['57014', 'fault'],
    ['XX000', 'fault'],
    ['58030', 'fault'],
    ['anything', 'fault'],
  ])('with code %s is %s', (code, kind) => {
    expect(failureOf(coded(code)).kind).toBe(kind);
  });

  it('is found in what caused an error, and in every attempt to connect', () => {
    expect(failureOf(new Error('outer', { cause: coded('40P01') })).kind).toBe('restart');
    expect(failureOf(new AggregateError([coded('ECONNREFUSED')])).kind).toBe('sink-down');
  });

  it('is a fault that passes when nothing is known of it', () => {
    expect(failureOf(new Error('?')).kind).toBe('fault');
    expect(failureOf('thrown text').kind).toBe('fault');
    expect(failureOf(new Error('?'), 'sink-down').kind).toBe('sink-down');
  });

  it('of ours is the staging store or something that a person has to set right', () => {
    expect(failureOf(new SpillwayError('STAGING_TIMEOUT', 'late')).kind).toBe('staging');
    expect(failureOf(new SpillwayError('CONFIG_INVALID', 'no shard table')).kind).toBe('blocked');
  });
});
