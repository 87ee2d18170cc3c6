import { Refused } from '../http/answers.js';
import { type LetterFilter, MOST_LETTERS } from '../rows/letters.js';
import type { LetterId } from '../wire.js';

type Body = Readonly<Record<string, unknown>>;

/** The letters that an act names by number. @throws Refused 400 */
export function lettersIn({ letters }: Body): readonly LetterId[] {
  if (!Array.isArray(letters) || letters.length === 0 || letters.length > MOST_LETTERS)
    throw new Refused(400, `"letters" has to name 1 to ${MOST_LETTERS} dead letters`);
  return letters.map(letterId);
}

function letterId(given: unknown): LetterId {
  const { shard, id } = (given ?? {}) as Partial<Record<keyof LetterId, unknown>>;
  if (typeof shard === 'number' && Number.isInteger(shard) && shard >= 0 && typeof id === 'string' && id !== '')
    return { shard, id };
  throw new Refused(400, 'A dead letter is named by its "shard", a number, and its "id", a text');
}

/** Which letters an act on all means. `{}` means all, so a filter has to be there. @throws Refused 400 */
export function filterIn({ filter }: Body): LetterFilter {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter))
    throw new Refused(400, '"filter" has to say which dead letters are meant: {} means all');
  const { entity, code, ...others } = filter as Body;
  if (Object.keys(others).length > 0) throw new Refused(400, `"filter" has no "${Object.keys(others)[0]}"`);
  return { entity: textIn('entity', entity), code: textIn('code', code) };
}

/** @throws Refused 400 */
export function textIn(name: string, given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'string' && given !== '') return given;
  throw new Refused(400, `"${name}" has to be a text, or be left out`);
}

/** @throws Refused 400 */
export function flagIn(name: string, given: unknown): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  throw new Refused(400, `"${name}" has to be true or false`);
}

/** Edited values, by property. @throws Refused 400 */
export function valuesIn({ values, letters }: Body): Readonly<Record<string, unknown>> | undefined {
  if (values === undefined) return undefined;
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new Refused(400, '"values" has to be an object: property to value');
  if (Array.isArray(letters) && letters.length !== 1)
    throw new Refused(400, 'Edited values are for one dead letter at a time');
  return Object.keys(values).length === 0 ? undefined : (values as Body);
}

/** A whole number of a query. @throws Refused 400 */
export function numberIn(query: URLSearchParams, name: string, otherwise: number, most: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  if (/^\d{1,9}$/.test(text) && Number(text) <= most) return Number(text);
  throw new Refused(400, `"${name}" has to be a whole number from 0 to ${most}`);
}
