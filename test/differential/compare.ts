import { isDeepStrictEqual } from 'node:util';
import type { Seen } from './observe.js';

/** The numbers of one world, told by the tags of their rows: `pet 17` is `cat3`. */
export class Numbers {
  readonly #tags = new Map<string, string>();

  learn(table: string, number: unknown, tag: string): void {
    this.#tags.set(`${table} ${String(number)}`, tag);
  }

  tagOf(table: string, number: unknown): string {
    return this.#tags.get(`${table} ${String(number)}`) ?? `${table} ?`;
  }
}

/**
 * What was seen, so that both worlds can be compared: numbers from sequences stand as the tags of their rows, because
 * they have gaps and another order across processes, and lists without an order are sorted. Nothing else is forgiven.
 *
 * @param reborn keys of rows that were deleted and inserted again, whose versions go on in one world and begin anew in
 * the other
 */
export function comparable(seen: Seen, numbers: Numbers, reborn: ReadonlySet<string>): Seen {
  if (typeof seen !== 'object' || seen === null) return seen;
  if (Array.isArray(seen)) return seen.map((each: Seen) => comparable(each, numbers, reborn));
  const content = seen as Readonly<Record<string, Seen>>;
  const { $number: number, $bag: bag } = content;
  if (Array.isArray(number)) return numbers.tagOf(String(number[0]), number[1]);
  if (Array.isArray(bag)) return sorted(bag.map((each: Seen) => comparable(each, numbers, reborn)));
  const key = comparable(content['key'] ?? content['id'], numbers, reborn);
  const isReborn = typeof key === 'string' && reborn.has(key);
  const parts = Object.entries(content).map(
    ([name, part]) => [name, isReborn && name === 'version' ? 'a version' : comparable(part, numbers, reborn)] as const,
  );
  return Object.fromEntries(parts.filter(([, part]) => part !== undefined).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function sorted(list: readonly Seen[]): readonly Seen[] {
  const texts = new Map(list.map((each) => [each, JSON.stringify(each)]));
  return list.toSorted((a, b) => ((texts.get(a) ?? '') < (texts.get(b) ?? '') ? -1 : 1));
}

export function isSame(one: Seen, other: Seen): boolean {
  return isDeepStrictEqual(one, other);
}

/** Where two things that were seen differ, one line each. */
export function differences(plain: Seen, behind: Seen, path = ''): string[] {
  if (isSame(plain, behind)) return [];
  const [left, right] = [partsOf(plain), partsOf(behind)];
  if (!left || !right) return [`${path || 'answer'}: plain ${text(plain)}, behind ${text(behind)}`];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return names.flatMap((name) => differences(left[name], right[name], path ? `${path}.${name}` : name));
}

function partsOf(seen: Seen): Readonly<Record<string, Seen>> | undefined {
  return typeof seen === 'object' && seen !== null ? (seen as Readonly<Record<string, Seen>>) : undefined;
}

function text(seen: Seen): string {
  return seen === undefined ? 'nothing' : JSON.stringify(seen);
}
