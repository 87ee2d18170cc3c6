import type { NamedTable } from '../describe/type-registry.js';
import { tokensOf, type TokenKind } from './sql-tokens.js';

/** A table follows these. */
const BEFORE_TABLE = new Set(['from', 'join', 'update', 'into', 'using', 'table']);
/** These may stand between. */
const BETWEEN = new Set(['only', 'lateral']);
/** These end a list of tables. */
const AFTER_TABLES = new Set([
  'select',
  'values',
  'where',
  'group',
  'having',
  'order',
  'limit',
  'offset',
  'union',
  'intersect',
  'except',
  'set',
  'returning',
  'window',
  'fetch',
  'for',
]);

/** One level of parentheses. */
interface Level {
  /** True if commas separate tables here. */
  isList: boolean;
  /** True if the next name is a table's. */
  isNext: boolean;
}

/**
 * The tables that a statement names where a table can stand: after `from`, `join` and the like, in joins in parentheses
 * and in subqueries. It may answer a name too many, such as that of an expression after `extract(year from …`, but
 * never one too few. Tables that functions read are not seen.
 *
 * `select … from "book" as "b" left join ("tag" as "t" …) on … where exists (select 1 from audit.entry e …)` names
 * `book`, `tag` and `audit.entry`.
 */
export function tablesIn(sql: string): readonly NamedTable[] {
  const reading = new Reading();
  tokensOf(sql, (kind, text) => reading.take(kind, text));
  return reading.tables();
}

/** A statement, as far as it has been read. */
class Reading {
  readonly #found: NamedTable[] = [];
  readonly #levels: Level[] = [{ isList: false, isNext: false }];
  /** The parts of the name that is being read. */
  #name: string[] = [];
  #isAfterDot = false;
  #last = '';

  tables(): readonly NamedTable[] {
    this.#endName();
    return this.#found;
  }

  take(kind: TokenKind, text: string): void {
    if (text === '.' && kind === 'sign') {
      this.#isAfterDot = true;
      return;
    }
    const isName = kind === 'word' || kind === 'quoted';
    const goesOn = this.#isAfterDot && isName;
    if (goesOn && this.#name.length > 0) this.#name.push(text);
    else {
      this.#endName();
      if (!isName) this.#takeSign(text);
      else if (!goesOn) this.#takePart(text, kind === 'word');
    }
    this.#last = isName ? text : '';
    this.#isAfterDot = false;
  }

  #takePart(part: string, mayBeKeyword: boolean): void {
    const level = this.#level;
    if (mayBeKeyword && isKeyword(part, this.#last)) {
      level.isNext = BEFORE_TABLE.has(part);
      level.isList = level.isNext;
    } else if (level.isNext && !BETWEEN.has(part)) {
      this.#name = [part];
      level.isNext = false;
    }
  }

  #takeSign(sign: string): void {
    const level = this.#level;
    if (sign === '(') this.#levels.push({ isList: level.isNext, isNext: level.isNext });
    else if (sign === ',') level.isNext = level.isList;
    else if (sign === ')' && this.#levels.length > 1) {
      this.#levels.pop();
      this.#level.isNext = false;
    }
  }

  #endName(): void {
    const [name, schema] = this.#name.toReversed();
    if (name !== undefined) this.#found.push({ name, ...(schema !== undefined && { schema }) });
    this.#name = [];
  }

  get #level(): Level {
    return this.#levels.at(-1) as Level;
  }
}

/** `is distinct from` is no list of tables. */
function isKeyword(word: string, last: string): boolean {
  return (BEFORE_TABLE.has(word) && !(word === 'from' && last === 'distinct')) || AFTER_TABLES.has(word);
}
