import type { BatchOutcome, Outcome } from '../../../change/outcome.js';
import type { RowKey } from '../../../change/row-key.js';
import { SpillwayError } from '../../../errors.js';

/** There is one form so far, and a reader takes no other. Whoever raises this also reads the forms before. */
const FORMAT = 1;

interface Stored {
  readonly v: number;
  /** Pairs, not an object: a row key may be anything, and an object's keys are not always data. */
  readonly o: readonly (readonly [string, Outcome])[];
}

/** The outcomes of a batch as the JSON of its ledger row. */
export function encodeOutcomes(outcomes: BatchOutcome): string {
  const stored: Stored = { v: FORMAT, o: [...outcomes].map(([rowKey, outcome]) => [rowKey, storable(outcome)]) };
  return JSON.stringify(stored);
}

/** @throws SpillwayError `CONFIG_INVALID` for a ledger row of another form, or one that is no outcome at all. */
export function decodeOutcomes(json: string): BatchOutcome {
  const stored: unknown = JSON.parse(json);
  if (!isStored(stored)) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      'A ledger row of Spillway has a form that this release does not read; finish the upgrade of all processes first.',
    );
  }
  return new Map(stored.o.map(([rowKey, outcome]) => [rowKey as RowKey, outcome]));
}

function isStored(value: unknown): value is Stored {
  return (
    typeof value === 'object' &&
    value !== null &&
    'v' in value &&
    value.v === FORMAT &&
    'o' in value &&
    Array.isArray(value.o)
  );
}

/**
 * Removes U+0000 and replaces half characters, which `jsonb` refuses. These texts are for people, and a ledger row that
 * cannot be written would stop the shard.
 */
function storable(outcome: Outcome): Outcome {
  if (!('reason' in outcome)) return outcome;
  const message = 'message' in outcome && outcome.message !== undefined && { message: clean(outcome.message) };
  return { ...outcome, reason: clean(outcome.reason), ...message };
}

function clean(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}
