import { expect, test } from 'vitest';
import { Leaving } from '../../../src/mikro-orm/adoption/leaving.js';
import { TypeRegistry } from '../../../src/mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';
import type { EngineReleases, Releases } from '../../../src/mikro-orm/engine.js';

const Book = function Book(): void {};

/** An entity that is written through; each discovery makes another description of it. */
function written(): WriteBehindType {
  const meta = { class: Book, className: 'Book', tableName: 'book', root: { class: Book } };
  const described = { meta, table: { schema: 'public', name: 'book' }, policy: { mode: 'through', cache: false } };
  return described as unknown as WriteBehindType;
}

test('entities that are discovered while the database is asked are asked of too', async () => {
  const types = new TypeRegistry();
  const staged = new Map([['Book', { schema: 'public', table: 'book' }]]);
  const { promise, resolve } = Promise.withResolvers<Releases>();
  const asked: Promise<Releases>[] = [promise];
  const engine = {
    releases: async () => asked.shift() ?? { staged, copied: [] },
    leave: async (entities: readonly string[]) => new Map(entities.map((entity) => [entity, 'pending'])),
  };
  const leaving = new Leaving(types, engine as unknown as EngineReleases, 'public');
  const before = leaving.before([]);

  const type = written();
  const discovered = (): WriteBehindType[] => [type];
  types.fill(discovered());
  leaving.again();
  resolve({ staged, copied: [] });
  await before;
  await leaving.before([type.meta]);

  // What another release has staged of it is looked at.
  expect(types.of(type.meta)).toBe(type);
});
