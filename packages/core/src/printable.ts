/**
 * Control characters, line separators, and what turns the direction of text round. The line feeds of our own messages
 * are none of them: they have none.
 */
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]/gu;

/** More than any message needs; a row key, or a name that comes from Redis, may be of any length. */
const LONGEST = 4_000;

/**
 * A text for a log or a message, on one line: row keys and names may come from Redis, and whoever writes there must
 * not write lines of a log, or to a terminal. The user and the password of a URL are left out.
 */
export function printable(text: string): string {
  return inOneLine(text.replaceAll(CREDENTIALS, '$1***@'));
}

/**
 * Of a URL that was given where a host belongs, and so on; not of the example in a message. A password may have any
 * character but those by which the URL ends.
 */
const CREDENTIALS = /(\b[a-z][a-z\d+.-]{0,20}:\/\/)(?!user:password@)[^\s'"<>]*@/giu;

function inOneLine(text: string): string {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
  return shown.replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
