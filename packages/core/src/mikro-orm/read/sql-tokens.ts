/** `sign` is one of `( ) , . *`; `other` is a literal or a number. */
export type TokenKind = 'word' | 'quoted' | 'sign' | 'other';
type Tell = (kind: TokenKind, text: string) => void;

type Beginning = 'sign' | 'word' | 'number' | 'special';

/** The kind of token that a character begins; all other characters begin none. */
const BEGINS: ReadonlyMap<number, Beginning> = new Map([
  ...codes('(),.*', 'sign'),
  ...codes('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', 'word'),
  ...codes('0123456789', 'number'),
  ...codes(`"'-/$`, 'special'),
]);
/** The same by code: a look into a list is faster. */
const FIRST = Array.from({ length: 128 }, (_, code) => BEGINS.get(code));
const IN_WORD = Array.from({ length: 128 }, (_, code) => /[\w$]/u.test(String.fromCharCode(code)));
const DOLLAR = /\$(?:[\p{L}_]\w*)?\$/uy;

/**
 * Tells the tokens of an SQL text that matter for names and lists: words in lower case, quoted names without their
 * quotes, signs, and anything else as `other`. Comments are left out.
 */
export function tokensOf(sql: string, tell: Tell): void {
  for (let at = 0; at < sql.length;) {
    const code = sql.charCodeAt(at);
    const first = code < 128 ? FIRST[code] : 'word';
    if (first === undefined) at += 1;
    else if (first === 'sign') tell('sign', sql[at++] as string);
    else if (first === 'special') at = special(sql, at, tell);
    else at = wordOrNumber(sql, at, first, tell);
  }
}

function wordOrNumber(sql: string, at: number, first: 'word' | 'number', tell: Tell): number {
  let end = at + 1;
  while (end < sql.length && isInWord(sql.charCodeAt(end), first)) end += 1;
  if (first === 'number') {
    tell('other', '');
    return end;
  }
  const word = sql.slice(at, end).toLowerCase();
  // The prefix of a literal with backslashes.
  if (word === 'e' && sql[end] === "'") {
    tell('other', '');
    return closing(sql, end + 1, "'", true);
  }
  tell('word', word);
  return end;
}

function isInWord(code: number, first: 'word' | 'number'): boolean {
  return code >= 128 || IN_WORD[code] === true || (first === 'number' && code === 46);
}

function special(sql: string, at: number, tell: Tell): number {
  const two = sql.slice(at, at + 2);
  if (two === '--') return after(sql, '\n', at);
  if (two === '/*') return after(sql, '*/', at + 2);
  if (two.startsWith('"')) {
    const end = closing(sql, at + 1, '"', false);
    tell('quoted', sql.slice(at + 1, end - 1).replaceAll('""', '"'));
    return end;
  }
  if (two.startsWith("'")) {
    tell('other', '');
    return closing(sql, at + 1, "'", false);
  }
  DOLLAR.lastIndex = at;
  const tag = DOLLAR.exec(sql)?.[0];
  if (tag === undefined) return at + 1;
  tell('other', '');
  return after(sql, tag, at + tag.length);
}

/**
 * The position behind the closing quote. A doubled quote is part of the text, and so is one behind a backslash if
 * backslashes escape.
 */
function closing(sql: string, from: number, quote: string, hasBackslashes: boolean): number {
  for (let at = from; at < sql.length; at += 1) {
    if (hasBackslashes && sql[at] === '\\') at += 1;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return sql.length;
}

function after(sql: string, text: string, from: number): number {
  const found = sql.indexOf(text, from);
  return found === -1 ? sql.length : found + text.length;
}

function codes(chars: string, beginning: Beginning): (readonly [number, Beginning])[] {
  return Array.from(chars, (char) => [char.charCodeAt(0), beginning] as const);
}
