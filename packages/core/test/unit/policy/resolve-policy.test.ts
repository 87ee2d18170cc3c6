import { describe, expect, it } from 'vitest';
import type { ResolvedPolicy } from '../../../src/policy/policy.js';
import { resolvePolicy } from '../../../src/policy/resolve-policy.js';
import type { PolicyDefaults, StoredPolicy } from '../../../src/policy/write-policy.js';

const VERSIONED = { versioned: true };
const UNVERSIONED = { versioned: false };

/** Tests hand over what a caller without types could write. */
function resolve(policy: unknown, defaults: unknown = {}, facts = VERSIONED): ResolvedPolicy {
  return resolvePolicy('Product', policy as StoredPolicy, defaults as PolicyDefaults, facts);
}

describe('a policy', () => {
  it('has a default for every option', () => {
    expect(resolve({})).toEqual({
      mode: 'behind',
      debounceMs: 100,
      maxDelayMs: 1_000,
      detect: 'version',
      conflict: { kind: 'dead-letter' },
      counters: [],
      retry: { attempts: 5, minDelayMs: 100, maxDelayMs: 30_000 },
      maxPending: 1_000_000,
      maxRecordBytes: 1_048_576,
      durability: 'primary',
      onFull: 'block',
      onStagingDown: 'fail',
      blockTimeoutMs: 5_000,
      queries: 'drain',
      drainTimeoutMs: 2_000,
      onDrainTimeout: 'throw',
      reads: 'primary',
      onStagingLoss: 'park',
      inserts: 'sql',
      missing: 'dead-letter',
      validate: {},
      transactions: 'through',
    });
  });

  it('takes every option', () => {
    const policy = {
      mode: 'behind',
      debounce: '2s',
      maxDelay: '1m',
      detect: 'changed-properties',
      conflict: 'overwrite',
      counters: ['stock', 'views', 'stock'],
      retry: { attempts: 3, minDelay: 10, maxDelay: '1s' },
      maxPending: 10,
      maxRecordBytes: 2_048,
      durability: 'replicated',
      onFull: 'reject',
      onStagingDown: 'write-through',
      blockTimeout: '1s',
      queries: 'overlay',
      drainTimeout: '3s',
      onDrainTimeout: 'overlay',
      reads: 'replica',
      onStagingLoss: 'apply',
      inserts: 'refuse',
      missing: 'create',
      validate: { groups: ['strict'], always: true },
      cache: { ttl: '5m' },
    };
    expect(resolve(policy)).toEqual({
      mode: 'behind',
      debounceMs: 2_000,
      maxDelayMs: 60_000,
      detect: 'changed-properties',
      conflict: { kind: 'overwrite' },
      counters: ['stock', 'views'],
      retry: { attempts: 3, minDelayMs: 10, maxDelayMs: 1_000 },
      maxPending: 10,
      maxRecordBytes: 2_048,
      durability: 'replicated',
      onFull: 'reject',
      onStagingDown: 'write-through',
      blockTimeoutMs: 1_000,
      queries: 'overlay',
      drainTimeoutMs: 3_000,
      onDrainTimeout: 'overlay',
      reads: 'replica',
      onStagingLoss: 'apply',
      inserts: 'refuse',
      missing: 'create',
      validate: { groups: ['strict'], always: true },
      cache: { ttlMs: 300_000 },
      transactions: 'through',
    });
  });

  it('of an entity that is written through takes its cache from the defaults, and nothing that would wait', () => {
    const defaults = { cache: { ttl: '1m' }, debounce: '300ms' };
    expect(resolve({ mode: 'through' }, defaults)).toMatchObject({ mode: 'through', cache: { ttlMs: 60_000 } });
    expect(resolve({ mode: 'through', cache: { ttl: '2m' } }, defaults)).toMatchObject({ cache: { ttlMs: 120_000 } });
    expect(resolve({ cache: false }, defaults).cache).toBeUndefined();
  });

  it('comes before the defaults of spillway(), which come before those of Spillway, option by option', () => {
    const policy = { debounce: '50ms', retry: { attempts: 2 }, onFull: undefined };
    const defaults = { debounce: '300ms', maxDelay: '4s', onFull: 'reject', retry: { attempts: 9, minDelay: '1s' } };
    expect(resolve(policy, defaults)).toMatchObject({
      debounceMs: 50,
      maxDelayMs: 4_000,
      onFull: 'reject',
      drainTimeoutMs: 2_000,
      retry: { attempts: 2, minDelayMs: 1_000, maxDelayMs: 30_000 },
    });
  });

  it.each([
    ['overwrite', { kind: 'overwrite' }],
    ['keep-database', { kind: 'keep-database' }],
    ['dead-letter', { kind: 'dead-letter' }],
    ['merge', { kind: 'merge', both: 'dead-letter' }],
    [{ merge: {} }, { kind: 'merge', both: 'dead-letter' }],
    [{ merge: { both: 'overwrite' } }, { kind: 'merge', both: 'overwrite' }],
    [{ merge: { both: 'keep-database' } }, { kind: 'merge', both: 'keep-database' }],
  ])('settles conflicts by %j', (conflict, strategy) => {
    expect(resolve({ conflict }).conflict).toEqual(strategy);
  });

  it('settles conflicts by a function', () => {
    const decide = () => 'overwrite' as const;
    expect(resolve({ conflict: decide }).conflict).toEqual({ kind: 'function', decide });
  });

  it('detects nothing by default where there is no version to compare', () => {
    expect(resolve({}, {}, UNVERSIONED).detect).toBe('none');
    expect(resolve({}, { detect: 'version' }, UNVERSIONED).detect).toBe('none');
    expect(resolve({ detect: 'changed-properties' }, {}, UNVERSIONED).detect).toBe('changed-properties');
  });

  it.each([
    ['debounce', 0],
    ['debounce', '1h', { maxDelay: '24h' }],
    ['maxDelay', '24h'],
    ['maxDelay', 0, { debounce: 0 }],
    ['maxPending', 1],
    ['maxPending', 1_000_000_000],
    ['maxRecordBytes', 1_024],
    ['maxRecordBytes', 67_108_864],
    ['blockTimeout', 1],
    ['blockTimeout', '1h'],
    ['drainTimeout', 1],
    ['drainTimeout', '1h'],
    ['retry', { attempts: 1, minDelay: 1, maxDelay: 1 }],
    ['retry', { attempts: 1_000, minDelay: '1h', maxDelay: '24h' }],
    ['counters', Array.from({ length: 64 }, (_, index) => `c${index}`)],
  ])('may have %s at its limit %j', (name, value, others: object = {}) => {
    expect(() => resolve({ ...others, [name]: value })).not.toThrow();
  });
});

describe('a policy is refused', () => {
  it.each([
    [{ debounce: '61m' }, 'debounce in the policy of Product is 61m; it must lie between 0ms and 1h'],
    [{ debounce: '5' }, "debounce in the policy of Product is '5', which is no duration"],
    [{ maxDelay: '25h' }, 'maxDelay in the policy of Product is 25h; it must lie between 0ms and 24h'],
    [{ blockTimeout: 0 }, 'blockTimeout in the policy of Product is 0ms; it must lie between 1ms and 1h'],
    [{ drainTimeout: '2h' }, 'drainTimeout in the policy of Product is 2h; it must lie between 1ms and 1h'],
    [{ maxPending: 0 }, 'maxPending in the policy of Product is 0; it must be a whole number between 1 and 1000000000'],
    [{ maxPending: 1.5 }, 'maxPending in the policy of Product is 1.5; it must be a whole number'],
    [{ maxPending: '10' }, "maxPending in the policy of Product is '10'; it must be a whole number"],
    [
      { maxRecordBytes: 1_023 },
      'maxRecordBytes in the policy of Product is 1023; it must be a whole number between 1024 and 67108864',
    ],
    [
      { retry: { attempts: 0 } },
      'retry.attempts in the policy of Product is 0; it must be a whole number between 1 and 1000',
    ],
    [{ retry: { minDelay: 0 } }, 'retry.minDelay in the policy of Product is 0ms; it must lie between 1ms and 1h'],
    [{ retry: { maxDelay: '25h' } }, 'retry.maxDelay in the policy of Product is 25h; it must lie between 1ms and 24h'],
    [
      { cache: {} },
      "cache in the policy of Product is an object; it must say how long a copy is believed: { ttl: '5m' }",
    ],
    [
      { validate: 'always' },
      "validate in the policy of Product is 'always'; it must be true, false or an object of options",
    ],
    [
      { validate: { groups: 'strict' } },
      'validate in the policy of Product is an object; it must name its groups by an array of texts',
    ],
    [{ validate: { always: 1 } }, 'validate.always in the policy of Product is 1; it must be true or false'],
    [{ cache: { ttl: '10ms' } }, 'cache.ttl in the policy of Product is 10ms'],
    [
      { retry: 5 },
      'Expected an object of options as retry in the policy of Product, not 5. Known are attempts, minDelay, maxDelay',
    ],
    [
      { retry: { attemps: 3 } },
      'Unknown option "retry.attemps" in the policy of Product. Did you mean "retry.attempts"? Known are retry.attempts, retry.minDelay, retry.maxDelay',
    ],
    [
      { detect: 'versions' },
      "detect in the policy of Product is 'versions'; it must be 'version', 'changed-properties' or 'none'",
    ],
    [{ onFull: 'wait' }, "onFull in the policy of Product is 'wait'; it must be 'block', 'reject' or 'write-through'"],
    [{ inserts: 'stage' }, "inserts in the policy of Product is 'stage'; it must be 'sql' or 'refuse'"],
    [{ missing: 'make' }, "missing in the policy of Product is 'make'; it must be 'dead-letter', 'drop' or 'create'"],
    [{ onStagingLoss: true }, "onStagingLoss in the policy of Product is true; it must be 'park' or 'apply'"],
    [
      { conflict: 'ours' },
      "conflict in the policy of Product is 'ours'; it must be 'overwrite', 'keep-database', 'dead-letter' or 'merge', { merge: { both } } or a function",
    ],
    [
      { conflict: {} },
      "conflict in the policy of Product is an object; it must say how to merge: { merge: { both: 'overwrite' } }",
    ],
    [
      { conflict: { merge: { both: 'merge' } } },
      "conflict.merge.both in the policy of Product is 'merge'; it must be 'overwrite', 'keep-database' or 'dead-letter'",
    ],
    [{ conflict: null }, 'conflict in the policy of Product is null; it must be'],
    [{ queries: 'wait' }, "queries in the policy of Product is 'wait'; it must be 'drain', 'overlay' or 'database'"],
    [
      { onDrainTimeout: 'drain' },
      "onDrainTimeout in the policy of Product is 'drain'; it must be 'throw' or 'overlay'",
    ],
    [{ reads: true }, "reads in the policy of Product is true; it must be 'primary' or 'replica'"],
    [{ counters: 'stock' }, "counters in the policy of Product is 'stock'; it must be an array of property names"],
    [{ counters: [1] }, 'counters in the policy of Product is an array; it must be an array of property names'],
    [
      { counters: Array.from({ length: 65 }, (_, index) => `c${index}`) },
      'counters in the policy of Product is an array; it must name at most 64 properties, not 65',
    ],
  ])('for %j', (policy, message) => {
    expect(() => resolve(policy)).toThrow(message);
    expect(() => resolve(policy)).toThrow('[CONFIG_INVALID]');
  });

  it('for an option that does not exist, with those that do', () => {
    expect(() => resolve({ speed: 'high' })).toThrow(
      'Unknown option "speed" in the policy of Product. Known are debounce, maxDelay, detect, ' +
        'conflict, retry, maxPending, maxRecordBytes, durability, onFull, blockTimeout, onStagingDown, queries, drainTimeout, transactions, onDrainTimeout, reads, onStagingLoss, inserts, missing, validate, cache, counters, mode',
    );
  });

  it('for a misspelt option, with the one that was meant', () => {
    expect(() => resolve({ debonce: '1s' })).toThrow(
      'Unknown option "debonce" in the policy of Product. Did you mean "debounce"?',
    );
  });

  it.each([null, [], 'behind', 5])('for being %j', (policy) => {
    expect(() => resolve(policy)).toThrow(
      /^Expected an object of options as the policy of Product, not .*\. Known are debounce, /,
    );
  });

  it('for a debounce that is longer than the longest delay, also if one of them is a default', () => {
    const message = 'so it could never be waited for. Lower debounce or raise maxDelay';
    expect(() => resolve({ debounce: '2s' })).toThrow(
      `debounce of Product (2s) is longer than its maxDelay (1s), ${message}`,
    );
    expect(() => resolve({}, { debounce: '3s' })).toThrow(message);
    expect(() => resolve({ maxDelay: '50ms' })).toThrow(message);
  });

  it('for a first pause between attempts that is longer than the longest', () => {
    expect(() => resolve({ retry: { minDelay: '31s' } })).toThrow(
      'retry.minDelay of Product (31s) is longer than its retry.maxDelay (30s). Lower minDelay or raise maxDelay',
    );
  });

  it('for comparing a version that the entity does not have', () => {
    expect(() => resolve({ detect: 'version' }, {}, UNVERSIONED)).toThrow(
      "The policy of Product says detect: 'version', but Product has no version property. Give it one",
    );
  });

  it('for going past a staging store that is down without a version', () => {
    expect(() => resolve({ onStagingDown: 'write-through' }, {}, UNVERSIONED)).toThrow(
      "The policy of Product says onStagingDown: 'write-through', but Product has no version property, by which what is pending is told from what is newer. " +
        "Give it one (@Property({ version: true })), or use 'fail' [CONFIG_INVALID]",
    );
    expect(resolve({}, { onStagingDown: 'write-through' }, UNVERSIONED).onStagingDown).toBe('fail');
  });

  it('for merging conflicts that nothing detects', () => {
    const message = 'The policy of Product merges conflicts, but nothing detects them. Give Product a version property';
    expect(() => resolve({ conflict: 'merge' }, {}, UNVERSIONED)).toThrow(message);
    expect(() => resolve({ conflict: 'merge', detect: 'none' })).toThrow(message);
    expect(() => resolve({ conflict: 'merge', detect: 'changed-properties' }, {}, UNVERSIONED)).not.toThrow();
    expect(() => resolve({}, { conflict: 'merge' }, UNVERSIONED)).not.toThrow();
  });

  it('for defaults that are wrong, which are named as such', () => {
    expect(() => resolve({}, { debounce: '5' })).toThrow("debounce in the defaults of spillway() is '5'");
    expect(() => resolve({}, { counters: ['stock'] })).toThrow(
      'Unknown option "counters" in the defaults of spillway(). Known are debounce',
    );
  });
});
