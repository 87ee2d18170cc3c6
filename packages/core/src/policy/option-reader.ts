import { SpillwayError } from '../errors.js';
import { closest, describeName, describeValue } from './describe-value.js';
import { parseDuration, type DurationLimits } from './duration.js';

/**
 * Reads one object of options that a developer wrote. Each mistake is refused by name and place. An unknown option is a
 * mistake too: a misspelt one would otherwise silently keep its default. Each method answers `undefined` for an option
 * that was left out.
 */
export class OptionReader {
  readonly #place: string;
  readonly #parent: string | undefined;
  readonly #given: Readonly<Record<string, unknown>>;

  /**
   * @param place where the options stand, as messages call it: `the policy of Product`
   * @param parent the option whose value the options are, if there is one
   */
  constructor(place: string, given: unknown, known: readonly string[], parent?: string) {
    this.#place = place;
    this.#parent = parent;
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw new SpillwayError(
        'CONFIG_INVALID',
        `Expected an object of options as ${parent === undefined ? place : `${parent} in ${place}`}, not ${describeValue(given)}. Known are ${known.join(', ')}`,
      );
    }
    this.#given = given as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(given)) {
      if (!known.includes(name)) {
        throw this.#unknown(name, known);
      }
    }
  }

  has(name: string): boolean {
    return this.#given[name] !== undefined;
  }

  /** The value as it was written, for options with a form of their own. */
  value(name: string): unknown {
    return this.#given[name];
  }

  durationMs(name: string, limits: DurationLimits): number | undefined {
    return this.has(name) ? parseDuration(this.#label(name), this.#given[name], limits) : undefined;
  }

  integer(name: string, limits: { readonly min: number; readonly max: number }): number | undefined {
    const given = this.#given[name];
    if (given === undefined) {
      return undefined;
    }
    if (typeof given !== 'number' || !Number.isSafeInteger(given) || given < limits.min || given > limits.max) {
      throw this.invalid(name, `must be a whole number between ${limits.min} and ${limits.max}`);
    }
    return given;
  }

  boolean(name: string): boolean | undefined {
    const given = this.#given[name];
    if (given !== undefined && typeof given !== 'boolean') {
      throw this.invalid(name, 'must be true or false');
    }
    return given;
  }

  oneOf<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const given = this.#given[name];
    const choice = choices.find((each) => each === given);
    if (given !== undefined && choice === undefined) {
      throw this.invalid(name, `must be ${listOf(choices)}`, choices);
    }
    return choice;
  }

  /** A text that the pattern accepts; `rule` says in words what the pattern wants. */
  text(name: string, pattern: RegExp, rule: string): string | undefined {
    const given = this.#given[name];
    if (given === undefined) {
      return undefined;
    }
    if (typeof given !== 'string' || !pattern.test(given)) {
      throw this.invalid(name, `must be ${rule}`);
    }
    return given;
  }

  /** The reader of an option that is an object of options itself. */
  nested(name: string, known: readonly string[]): OptionReader | undefined {
    return this.has(name) ? new OptionReader(this.#place, this.#given[name], known, this.#path(name)) : undefined;
  }

  /** The error for an option with a wrong value. */
  invalid(name: string, rule: string, choices?: readonly string[]): SpillwayError {
    return new SpillwayError(
      'CONFIG_INVALID',
      `${this.#label(name)} is ${describeValue(this.#given[name], choices)}; it ${rule}`,
    );
  }

  #label(name: string): string {
    return `${this.#path(name)} in ${this.#place}`;
  }

  #path(name: string): string {
    return this.#parent === undefined ? name : `${this.#parent}.${name}`;
  }

  #unknown(name: string, known: readonly string[]): SpillwayError {
    const guess = closest(name, known);
    const hint = guess === undefined ? '' : ` Did you mean "${this.#path(guess)}"?`;
    return new SpillwayError(
      'CONFIG_INVALID',
      `Unknown option ${describeName(this.#path(name))} in ${this.#place}.${hint} Known are ${known.map((each) => this.#path(each)).join(', ')}`,
    );
  }
}

/** `'a', 'b' or 'c'`. */
export function listOf(choices: readonly string[]): string {
  const quoted = choices.map((choice) => `'${choice}'`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}
