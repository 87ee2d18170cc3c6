import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change, ChangeKind, Missing } from '../../../src/change/change.js';
import { coalesceChange, type RecentWrite } from '../../../src/change/coalesce-change.js';
import { knownVersion } from '../../../src/change/merge-records.js';
import type { Outcome } from '../../../src/change/outcome.js';
import type { StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf } from '../../../src/change/row-key.js';
import { settleRecord } from '../../../src/change/settle-record.js';
import { applyChange, applyRecord, type ModelRow } from './row-model.js';

const STEPS = [
  'insert',
  'update',
  'upsert',
  'delete',
  'increment',
  'make',
  'claim',
  'applied',
  'again',
  'rejected',
] as const;
type Step = (typeof STEPS)[number];

/** One row, what is staged of it, and what it would be had every accepted change been written at once. */
class History {
  #expected: ModelRow | undefined;
  #database: ModelRow | undefined;
  #dirty: StagedRecord | undefined;
  #inFlight: StagedRecord | undefined;
  #recent: RecentWrite | undefined;
  #sequence = 0;
  readonly #isVersioned: boolean;

  constructor(exists: boolean, isVersioned: boolean) {
    this.#isVersioned = isVersioned;
    if (exists)
      this.#database = { version: isVersioned ? '5' : undefined, values: { name: '"db"' }, counters: { stock: 10n } };
    this.#expected = this.#database;
  }

  take(step: Step): void {
    if (step === 'claim') this.#claim();
    else if (step === 'applied') this.#end({ kind: 'applied' });
    else if (step === 'again') this.#end({ kind: 'again', attempts: 1, delayMs: 0, reason: '' });
    else if (step === 'rejected') this.#reject();
    else if (step === 'make') this.#stage('increment', { create: { name: `"made ${this.#sequence}"`, stock: '100' } });
    else this.#stage(step);
  }

  finish(): void {
    for (let batch = 0; batch < 2; batch += 1) {
      this.#end({ kind: 'applied' });
      this.#claim();
    }
    assert.deepEqual(this.#database, this.#expected);
  }

  #stage(kind: ChangeKind, missing?: Missing): void {
    this.#sequence += 1;
    const change = { ...this.#change(kind), ...(missing && { missing }) };
    const row = { dirty: this.#dirty, inFlight: this.#inFlight, recent: this.#recent };
    const result = coalesceChange(row, change, { sequence: this.#sequence, nowMs: this.#sequence });
    if (!missing && !this.#isLegal(kind)) {
      const isKnown =
        this.#dirty !== undefined ||
        this.#inFlight !== undefined ||
        (kind !== 'insert' && this.#recent?.deleted === true);
      if (isKnown) assert.equal(result.status, 'refused');
      return;
    }
    assert.notEqual(result.status, 'refused');
    this.#dirty = result.status === 'dirty' ? result.record : undefined;
    // A row that is made anew over a pending delete goes on from the version of the old one.
    const isRaised = kind !== 'increment' || this.#dirty?.kind === 'replace';
    this.#expected = applyChange(this.#expected, change, isRaised ? this.#dirty?.version : undefined);
  }

  #isLegal(kind: ChangeKind): boolean {
    if (kind === 'upsert' || kind === 'delete') return true;
    return (kind === 'insert') === (this.#expected === undefined);
  }

  #change(kind: ChangeKind): Change {
    const n = String(this.#sequence);
    const base = this.#expected?.version;
    const compares = this.#isVersioned && (kind === 'update' || kind === 'delete') && base !== undefined;
    const version =
      !this.#isVersioned || kind === 'delete' || kind === 'increment' ? undefined : String(Number(base ?? 0) + 1);
    const assignsCounter = this.#sequence % 3 === 0;
    return {
      kind,
      entity: 'Product',
      rowKey: rowKeyOf({ schema: '', table: 'product', key: ['1'] }),
      values:
        kind === 'increment' || kind === 'delete'
          ? {}
          : { name: n, [`p${this.#sequence % 2}`]: n, ...(assignsCounter ? { stock: n } : {}) },
      deltas: kind === 'increment' || (kind === 'update' && this.#sequence % 2 === 0) ? { stock: n, sold: '-1' } : {},
      originals: {},
      ...(compares ? { base } : {}),
      ...(version === undefined ? {} : { version }),
    };
  }

  #claim(): void {
    if (this.#inFlight !== undefined) return;
    this.#inFlight = this.#dirty;
    this.#dirty = undefined;
  }

  /** A record that is rejected alone becomes a dead letter, which is another story. */
  #reject(): void {
    if (this.#dirty === undefined) return;
    this.#end({ kind: 'buried', code: '23514', reason: '', rejected: true, counted: false });
  }

  #end(outcome: Outcome): void {
    if (this.#inFlight === undefined) return;
    const record = this.#inFlight;
    const settled = settleRecord(record, outcome, this.#dirty);
    if (outcome.kind === 'applied') this.#database = applyRecord(this.#database, record);
    assert.equal(settled.letter, undefined);
    this.#inFlight = undefined;
    this.#dirty = settled.dirty;
    // Nobody has been told a version of a row that is made over a delete in flight, which has come back beneath it.
    const { version, kind } = settled.dirty ?? {};
    if (kind === 'replace' && version !== undefined && this.#expected?.version === undefined && this.#expected)
      this.#expected = { ...this.#expected, version };
    if (settled.written)
      this.#recent = {
        ...settled.written,
        ...versionOf(settled.written.version ?? this.#recent?.version ?? knownVersion(record)),
      };
  }
}

function versionOf(version: string | undefined): { version?: string } {
  return version === undefined ? {} : { version };
}

function run(exists: boolean, isVersioned: boolean, steps: readonly Step[]): void {
  const history = new History(exists, isVersioned);
  for (const step of steps) history.take(step);
  history.finish();
}

test('any four steps end in what the accepted changes would have made of the row one by one', () => {
  const failed: string[] = [];
  for (let code = 0; code < STEPS.length ** 4; code += 1) {
    const steps = [0, 1, 2, 3].map((place) => STEPS[Math.floor(code / STEPS.length ** place) % STEPS.length] as Step);
    for (const exists of [true, false])
      for (const isVersioned of [true, false]) if (!holds(exists, isVersioned, steps)) failed.push(steps.join(', '));
  }
  expect(failed).toEqual([]);
});

test('so does any long history, with claims and the ends of batches put in anywhere', () => {
  const anyHistory = fc.property(
    fc.boolean(),
    fc.boolean(),
    fc.array(fc.constantFrom(...STEPS), { maxLength: 60 }),
    run,
  );
  expect(() => fc.assert(anyHistory, { numRuns: 3_000 })).not.toThrow();
});

function holds(exists: boolean, isVersioned: boolean, steps: readonly Step[]): boolean {
  try {
    run(exists, isVersioned, steps);
    return true;
  } catch {
    return false;
  }
}
