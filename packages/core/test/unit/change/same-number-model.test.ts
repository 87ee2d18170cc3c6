import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coalesceChange, type RecentWrite } from '../../../src/change/coalesce-change.js';
import type { StagedRecord } from '../../../src/change/record.js';
import { settleRecord } from '../../../src/change/settle-record.js';
import { mayBeIncluded, pendingRecord } from '../../../src/read/overlay.js';
import { makeChange } from './make-record.js';

/**
 * One row, writers who load and stage, a worker, and a program that Spillway knows nothing of. All of them count
 * versions up by one, so they make the same numbers (H15). The contents of the row and of the records are sets of
 * marks, one per writer.
 *
 * It holds that nothing is written over in silence: whatever the row holds when a record is written was seen by the
 * record's writers, or was shown to a conflict strategy. And a look-up shows all that is staged.
 */
type Mark = string;

const WRITERS = 4;
const step = fc.oneof(
  fc.record({ act: fc.constant('peek' as const), writer: fc.nat(WRITERS - 1) }),
  fc.record({ act: fc.constant('read' as const), writer: fc.nat(WRITERS - 1) }),
  fc.record({ act: fc.constant('query' as const), writer: fc.nat(WRITERS - 1) }),
  fc.record({ act: fc.constant('stage' as const), writer: fc.nat(WRITERS - 1) }),
  fc.constant({ act: 'program' as const }),
  fc.constant({ act: 'claim' as const }),
  fc.constant({ act: 'write' as const }),
  fc.constant({ act: 'acknowledge' as const }),
);

interface Seen {
  readonly version: string;
  readonly isRowBase: boolean;
  readonly marks: ReadonlySet<Mark>;
}

class World {
  #row = { version: 1, marks: new Set<Mark>() };
  #dirty: StagedRecord | undefined;
  #inFlight: StagedRecord | undefined;
  /** What the writers of a record had seen, by the stage sequences of its changes. */
  readonly #seenBy = new Map<number, ReadonlySet<Mark>>();
  #outcome: string | undefined;
  #recent: RecentWrite | undefined;
  readonly #told = new Set<Mark>();
  readonly #looks = new Map<number, Seen>();
  readonly #peeks = new Map<number, StagedRecord | undefined>();
  #sequence = 0;
  #programs = 0;

  /** The first step of a look-up by key. */
  peek(writer: number): void {
    this.#peeks.set(writer, this.#pending());
  }

  /** The rest of it: the row, and the second look where the row's version does not tell. */
  read(writer: number): void {
    if (!this.#peeks.has(writer)) return;
    const before = this.#peeks.get(writer);
    this.#peeks.delete(writer);
    const rowVersion = String(this.#row.version);
    if (!before) return this.query(writer);
    if (!mayBeIncluded(before, rowVersion)) return this.#see(writer, before);
    const still = this.#pending();
    // A reader reads again where something was written meanwhile.
    return still ? this.#see(writer, still) : undefined;
  }

  /** Sees the row as it is, and nothing that is pending. */
  query(writer: number): void {
    const version = String(this.#row.version);
    this.#looks.set(writer, { version, isRowBase: true, marks: new Set(this.#row.marks) });
  }

  #see(writer: number, record: StagedRecord): void {
    const marks = new Set([...this.#row.marks, ...Object.keys(record.values)]);
    this.#looks.set(writer, { version: record.version ?? '', isRowBase: false, marks });
  }

  /** What is in flight counts until it is written: then the ledger knows it. */
  #pending(): StagedRecord | undefined {
    const inFlight = this.#outcome === undefined ? this.#inFlight : undefined;
    return pendingRecord({
      ...(this.#dirty && { dirty: this.#dirty }),
      ...(inFlight && { inFlight: { record: inFlight, token: 'T' } }),
    });
  }

  stage(writer: number): void {
    const seen = this.#looks.get(writer);
    if (!seen) return;
    this.#looks.delete(writer);
    this.#sequence += 1;
    const mark = `w${this.#sequence}`;
    const row = { dirty: this.#dirty, inFlight: this.#inFlight, recent: this.#recent };
    const change = makeChange({
      base: seen.version,
      ...(seen.isRowBase && { isRowBase: true as const }),
      version: String(Number(seen.version) + 1),
      values: { [mark]: '1' },
    });
    const result = coalesceChange(row, change, { sequence: this.#sequence, nowMs: 0 });
    if (result.status !== 'dirty') return;
    const unseen = Object.keys(this.#dirty?.values ?? {}).filter((staged) => !seen.marks.has(staged));
    assert.deepEqual(unseen, [], 'merged onto a change that its writer has not seen');
    this.#seenBy.set(this.#sequence, seen.marks);
    this.#dirty = result.record;
  }

  program(): void {
    this.#programs += 1;
    this.#row = { version: this.#row.version + 1, marks: new Set([...this.#row.marks, `p${this.#programs}`]) };
  }

  claim(): void {
    if (this.#inFlight) return;
    this.#inFlight = this.#dirty;
    this.#dirty = undefined;
  }

  write(): void {
    const record = this.#inFlight;
    if (!record || this.#outcome !== undefined) return;
    const own = Object.keys(record.values);
    if (record.base === String(this.#row.version)) {
      const seen = new Set([...own, ...this.#told]);
      for (let at = record.first; at <= record.last; at++)
        for (const mark of this.#seenBy.get(at) ?? []) seen.add(mark);
      const unseen = [...this.#row.marks].filter((mark) => !seen.has(mark));
      assert.deepEqual(unseen, [], 'written over in silence');
      this.#row.version = Number(record.version);
    } else {
      for (const mark of this.#row.marks) this.#told.add(mark);
      this.#row.version = Math.max(this.#row.version, Number(record.version)) + 1;
    }
    for (const mark of own) this.#row.marks.add(mark);
    this.#outcome = String(this.#row.version);
  }

  acknowledge(): void {
    if (!this.#inFlight || this.#outcome === undefined) return;
    const record = this.#inFlight;
    const version = this.#outcome;
    const settled = settleRecord(
      record,
      version === record.version ? { kind: 'applied' } : { kind: 'version', version },
      this.#dirty,
    );
    this.#dirty = settled.dirty;
    this.#recent = settled.written ?? this.#recent;
    this.#inFlight = undefined;
    this.#outcome = undefined;
  }
}

test('nothing is written over in silence where a program makes the same version numbers (H15, R10)', () => {
  const history = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
    const world = new World();
    for (const taken of steps) {
      if ('writer' in taken) world[taken.act](taken.writer);
      else world[taken.act]();
    }
  });
  expect(() => fc.assert(history, { numRuns: 20_000 })).not.toThrow();
});
