import { describe, expect, it } from 'vitest';
import { SpillwayError } from '../../../src/errors.js';
import { failureOf } from '../../../src/flush/failure.js';
import { CommitUnknown, SinkDown, SinkFault, SinkRestart } from '../../../src/sink/sink-failure.js';

describe('a failure', () => {
  it('of a transaction that gave way is taken again soon', () => {
    expect(failureOf(new SinkRestart('deadlock', '40P01')).kind).toBe('restart');
  });

  it('is the whole database when that cannot be reached, is full, stops or only reads', () => {
    for (const state of ['unreachable', 'refusing', 'disk-full', 'stopping', 'read-only'] as const) {
      expect(failureOf(new SinkDown('down', state)).kind).toBe('sink-down');
    }
    expect(failureOf(new CommitUnknown('no answer', 'unreachable')).kind).toBe('sink-down');
  });

  it('is a fault of some shard when the database is up and nothing else is known', () => {
    expect(failureOf(new SinkFault('internal error', 'XX000')).kind).toBe('fault');
    expect(failureOf(new Error('?')).kind).toBe('fault');
    expect(failureOf('thrown text').kind).toBe('fault');
  });

  it('of ours is the staging store, or something that a person has to set right', () => {
    expect(failureOf(new SpillwayError('STAGING_TIMEOUT', 'late')).kind).toBe('staging');
    expect(failureOf(new SpillwayError('STAGING_UNAVAILABLE', 'gone')).kind).toBe('staging');
    expect(failureOf(new SpillwayError('CONFIG_INVALID', 'no shard table')).kind).toBe('blocked');
  });
});
