import type { JsonText } from '../../../change/change.js';

/** Numbers, strings without escapes, and words: most of what is staged is told apart by this alone. */
const PLAIN = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\\\p{Cc}]*"|true|false|null)$/u;

/**
 * Whether a text is exactly one JSON value. A batch is put together from texts as they are, and one that is more would
 * end its own value and go on with those of another row.
 */
export function isOneJson(text: JsonText): boolean {
  if (PLAIN.test(text)) return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
