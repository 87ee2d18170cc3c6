import { asBare } from '../bare-error.js';
import type { JsonText } from '../change/change.js';
import type { RowConflict, RowDecider, RowDecision } from '../conflict/strategy.js';
import type { Conflict, ConflictFunction, EntityValues } from './conflict-function.js';
import type { AnyEntity } from './entity-types.js';
import { closest } from './describe-value.js';
import { listOf } from './option-reader.js';

/** How the ORM converts the values of one entity. `mikro-orm/` implements it. */
export interface ValueConversion {
  /** Name of the entity. */
  readonly entity: string;
  /** The properties that a decision may write: neither part of the primary key, nor the version, nor a counter. */
  readonly writable: ReadonlySet<string>;
  /** A staged value as the entity has it. */
  toValue(property: string, text: JsonText): unknown;
  /** An entity's value as it is staged. */
  toText(property: string, value: unknown): JsonText;
  /** The primary key of a row; an array if it is composite. */
  toKey(rowKey: string): unknown;
}

const WORDS = ['overwrite', 'keep-database', 'dead-letter'] as const;

/**
 * Makes a developer's conflict function one that decides over staged values. The decider throws the function's own
 * errors, and a `TypeError` for an answer that is no decision; either way the record is to be buried.
 */
export function rowDecider(decide: ConflictFunction, convert: ValueConversion): RowDecider {
  return (conflict) => toRowDecision(decide(toConflict(conflict, convert)), convert);
}

function toConflict(conflict: RowConflict, convert: ValueConversion): Conflict {
  return {
    entity: convert.entity,
    key: convert.toKey(conflict.rowKey),
    base: toValues(conflict.base, convert),
    ours: toValues(conflict.ours, convert),
    theirs: toValues(conflict.theirs, convert),
    changed: conflict.changed,
    attempt: conflict.attempt,
  };
}

function toValues(texts: Readonly<Record<string, JsonText>>, convert: ValueConversion): EntityValues<AnyEntity> {
  return mapValues(texts, (property, text) => convert.toValue(property, text));
}

/** The answer's type is checked at run time, because application code may be plain JavaScript or lack a `return`. */
function toRowDecision(decision: unknown, convert: ValueConversion): RowDecision {
  const word = WORDS.find((each) => each === decision);
  if (word) {
    return word;
  }
  if (
    typeof decision !== 'object' ||
    decision === null ||
    !('write' in decision) ||
    typeof decision.write !== 'object' ||
    decision.write === null
  ) {
    const isPromise = decision instanceof Promise;
    // The promise is not awaited, so its rejection must not end the process.
    if (isPromise) decision.catch(() => undefined);
    const given = isPromise ? 'a promise, but it must be synchronous' : describeDecision(decision);
    throw answeredWrongly(
      `The conflict function of ${convert.entity} answered ${given}; it must answer ${listOf(WORDS)}, or { write: { … } }`,
    );
  }
  return { write: toTexts({ ...decision.write }, convert) };
}

/** The answer may be a value of the row, so it is not shown. */
function describeDecision(decision: unknown): string {
  if (decision === null || decision === undefined) return String(decision);
  if (typeof decision === 'object') return Array.isArray(decision) ? 'an array' : 'an object';
  const isNearly = typeof decision === 'string' && closest(decision, WORDS) !== undefined;
  return isNearly ? `'${decision}'` : `a ${typeof decision}`;
}

function toTexts(values: EntityValues<AnyEntity>, convert: ValueConversion): Readonly<Record<string, JsonText>> {
  return mapValues(values, (property, value) => {
    if (!convert.writable.has(property)) {
      throw answeredWrongly(
        `The conflict function of ${convert.entity} answered to write "${property}", which it cannot: it may write ${[...convert.writable].join(', ')}, but no key, version or counter`,
      );
    }
    if (value === undefined) {
      throw answeredWrongly(
        `The conflict function of ${convert.entity} answered to write undefined to "${property}". Leave the property out, or write null`,
      );
    }
    return convert.toText(property, value);
  });
}

/** Through entries, so that a property called `__proto__` stays a property. */
function mapValues<From, To>(
  values: Readonly<Record<string, From>>,
  convert: (name: string, value: From) => To,
): Readonly<Record<string, To>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, convert(name, value)]));
}

/** The message contains names and rules alone, so all of it may be shown. */
function answeredWrongly(message: string): TypeError {
  return asBare(new TypeError(message));
}
