import type { JsonText } from '../../../change/change.js';

/** Numbers, strings without escapes, and words: this test alone decides about most values. */
const PLAIN = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\\\p{Cc}]*"|true|false|null)$/u;

/**
 * True if a text is exactly one JSON value. A batch is put together from texts as they are: a text of more than one
 * value could set the values of another row.
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
