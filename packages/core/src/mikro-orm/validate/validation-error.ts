import { SpillwayError } from '../../errors.js';

/**
 * The errors of one property: class-validator's own `ValidationError`, described by its shape so that the package's
 * types do not need class-validator.
 */
export interface ValidationIssue {
  readonly property: string;
  /** The entity, or the embeddable, that the property belongs to. */
  readonly target?: object | undefined;
  readonly value?: unknown;
  /** Name of the constraint -> its message. */
  readonly constraints?: Readonly<Record<string, string>> | undefined;
  /** Of nested embeddables. */
  readonly children?: readonly ValidationIssue[] | undefined;
}

/**
 * Entities violate their class-validator decorators. Nothing of the flush, or of the call, was staged or written; all
 * changes remain in the entity manager.
 */
export class ValidationFailedError extends SpillwayError {
  override readonly name = 'ValidationFailedError';
  /** Private, because the errors hold the entities, and printing this error must not print those. */
  readonly #errors: readonly ValidationIssue[];

  constructor(entity: string, errors: readonly ValidationIssue[]) {
    const shown = errors.flatMap((error) => messagesOf(error, '')).slice(0, SHOWN);
    super(
      'VALIDATION_FAILED',
      `${entity} is not valid, so nothing was staged or written: ${shown.join('; ')}. Correct it and flush again; errors has class-validator's errors`,
    );
    this.#errors = errors;
  }

  /** The errors as class-validator answers them, of all entities together. */
  get errors(): readonly ValidationIssue[] {
    return this.#errors;
  }
}

/** Messages that an error shows; `errors` has all. */
const SHOWN = 10;

/** Names and rules, never values: messages end up in logs. */
function messagesOf({ property, constraints = {}, children = [] }: ValidationIssue, parent: string): string[] {
  const path = parent === '' ? property : `${parent}.${property}`;
  return [
    ...Object.keys(constraints).map((constraint) => `${path} (${constraint})`),
    ...children.flatMap((child) => messagesOf(child, path)),
  ];
}
