import type { DeadLetter, DeadLetterPage, LetterFilter } from './dead-letter-store.js';

/** Most letters that are read at a time. */
export const LETTERS_PER_PAGE = 100;

export function isMeant({ record, code, rowKey }: DeadLetter, filter: LetterFilter): boolean {
  return (
    (filter.entity === undefined || record.entity === filter.entity) &&
    (filter.code === undefined || code === filter.code) &&
    (filter.rowKey === undefined || rowKey === filter.rowKey)
  );
}

/**
 * One page of a list, from letters that come in parts. Reads only as many parts as it needs.
 *
 * @param letters the letters that the page's filter means, in the order of the list
 */
export async function pageOf(
  letters: AsyncIterable<readonly DeadLetter[]>,
  { offset = 0, limit = 100 }: DeadLetterPage,
): Promise<readonly DeadLetter[]> {
  const page: DeadLetter[] = [];
  if (limit <= 0) return page;
  let skipped = 0;
  for await (const part of letters) {
    const passed = Math.min(part.length, offset - skipped);
    skipped += passed;
    for (const letter of part.slice(passed, passed + limit - page.length)) page.push(letter);
    if (page.length >= limit) break;
  }
  return page;
}
