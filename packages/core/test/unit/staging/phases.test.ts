import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import type { RowKey } from '../../../src/change/row-key.js';
import { phasesOf } from '../../../src/staging/phases.js';

/** `order@1` is an insert of an order on server 1, `-line@2` a deletion. */
function changesOf(texts: readonly string[]): Change[] {
  return texts.map((text, number) => {
    const [, minus, entity = '', server] = /^(-?)(\w+)@(\d+)$/u.exec(text) ?? [];
    const rowKey = `${server} ${number}` as RowKey;
    const kind = minus === '-' ? 'delete' : 'insert';
    return { kind, entity, rowKey, values: {}, deltas: {}, originals: {} };
  });
}

/** Each phase as its units, each unit as `server: entities in order`. */
function phases(...texts: string[]): string[][] {
  const serverOf = ({ rowKey }: Change): number => Number(rowKey.split(' ')[0]);
  return phasesOf(changesOf(texts), serverOf).map((units) =>
    units.map(({ changes: [first, ...others] }) =>
      [`${first && serverOf(first)}: ${first?.entity}`, ...others.map(({ entity }) => entity)].join(' '),
    ),
  );
}

describe('changes on several servers', () => {
  test('of one entity leave at once', () => {
    expect(phases('order@1', 'order@2', 'order@1')).toEqual([['1: order order', '2: order']]);
  });

  test('leave in their order where they are of several entities', () => {
    expect(phases('order@1', 'line@2')).toEqual([['1: order'], ['2: line']]);
    expect(phases('order@1', 'order@2', 'line@1', 'line@2')).toEqual([
      ['1: order', '2: order'],
      ['1: line', '2: line'],
    ]);
  });

  test('go with an earlier change of their server where nothing else is in between', () => {
    expect(phases('order@1', 'line@1', 'line@2')).toEqual([['1: order line'], ['2: line']]);
    expect(phases('author@1', 'book@2', 'page@2', 'page@1')).toEqual([['1: author'], ['2: book page'], ['1: page']]);
  });

  test('of a deleted entity stay behind those of its children', () => {
    expect(phases('-line@1', '-line@2', '-order@1')).toEqual([['1: line', '2: line'], ['1: order']]);
    expect(phases('order@1', '-order@2')).toEqual([['1: order'], ['2: order']]);
  });

  test('each leave once, with no phase before one that holds an earlier change of another entity elsewhere', () => {
    const entities = ['a', 'b', 'c', 'd'];
    for (let seed = 0; seed < 500; seed += 1) {
      const texts = Array.from({ length: 8 }, (_, at) => {
        const entity = entities[Math.floor(at / 2)];
        return `${entity}@${(seed * 7 + at * at * 3 + Math.floor(seed / (at + 1))) % 3}`;
      });
      const changes = changesOf(texts);
      const serverOf = ({ rowKey }: Change): number => Number(rowKey.split(' ')[0]);
      const found = phasesOf(changes, serverOf);
      const places = new Map(
        found.flatMap((units, phase) => units.flatMap((unit) => unit.changes.map((each, at) => [each, { phase, at }]))),
      );
      expect(places.size).toBe(changes.length);
      const isBehind = (change: Change, earlier: Change): boolean => {
        const [one, other] = [places.get(earlier), places.get(change)];
        if (!one || !other) throw new Error('A change is in no phase.');
        if (one.phase < other.phase) return true;
        if (serverOf(earlier) === serverOf(change)) return one.phase === other.phase && one.at < other.at;
        return earlier.entity === change.entity;
      };
      const pairs = changes.flatMap((change, at) => changes.slice(0, at).map((earlier) => [change, earlier] as const));
      expect(pairs.filter(([change, earlier]) => !isBehind(change, earlier))).toEqual([]);
    }
  });
});
