import type { EntityMetadata } from '@mikro-orm/core';
import { expect, test, vi } from 'vitest';
import { TypeRegistry } from '../../../src/mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';
import { Leaving } from '../../../src/runtime/leaving.js';
import type { Releases } from '../../../src/runtime/parts.js';

const Book = function Book(): void {};
const VISIT = ['Visit', { schema: 'public', table: 'visit' }] as const;
const STAGED: Releases = { staged: new Map([['Book', { schema: 'public', table: 'book' }]]), copied: [] };

/** An entity that is written through; each discovery makes another description of it. */
function written(): WriteBehindType {
  const meta = { class: Book, className: 'Book', tableName: 'book', root: { class: Book } };
  const described = {
    meta,
    table: { schema: 'public', name: 'book', references: [] },
    policy: { mode: 'through', cache: false },
  };
  return described as unknown as WriteBehindType;
}

/** An entity that has no policy here. */
function visit(): EntityMetadata {
  return { className: 'Visit', schema: 'public', tableName: 'visit' } as EntityMetadata;
}

function fill(types: TypeRegistry, ...discovered: WriteBehindType[]): void {
  types.fill(discovered);
}

/** Of this release, while the database answers so, one answer after the other. Nothing can be left, unless said so. */
function leavingBeside(
  types: TypeRegistry,
  answers: readonly (Releases | Promise<Releases>)[],
  leave: (entities: readonly string[]) => Promise<readonly string[]> = async () => [],
): Leaving {
  const asked = [...answers];
  const parts = {
    staging: { policies: { leave } },
    sink: { registry: { remove: async () => undefined } },
    worker: { drain: async () => ({ left: 1 }) },
  };
  const life = { opened: undefined, askPrepared: async () => asked.shift(), openAndWork: async () => parts };
  const around = { types, options: { enabled: true, leaveAfterMs: 0 }, logger: console };
  return new Leaving({ around, life } as unknown as ConstructorParameters<typeof Leaving>[0]);
}

test('entities that are discovered while the database is asked are asked of too', async () => {
  const types = new TypeRegistry();
  const { promise, resolve } = Promise.withResolvers<Releases>();
  const leaving = leavingBeside(types, [promise, STAGED]);
  const before = leaving.before([]);

  const type = written();
  fill(types, type);
  leaving.again();
  resolve({ staged: new Map(), copied: [] });
  await before;
  await leaving.before([type.meta]);

  // What another release has staged of it is looked at.
  expect(types.of(type.meta)).toBe(type);
});

test('an answer that was on its way when the ORM connected anew is of another database, and counts for nothing', async () => {
  const types = new TypeRegistry();
  const type = written();
  fill(types, type);
  const { promise, resolve } = Promise.withResolvers<Releases>();
  const leaving = leavingBeside(types, [promise, { staged: new Map(), copied: [] }]);
  const before = leaving.before([type.meta]);
  leaving.again();
  resolve(STAGED);
  await before;
  expect(types.of(type.meta)).toBeUndefined();
});

test('where only entities without a policy are staged elsewhere, what to leave is looked up once a second', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const types = new TypeRegistry();
    fill(types, written());
    const leaving = leavingBeside(types, [{ staged: new Map([VISIT]), copied: [] }]);
    await leaving.before([]);
    const lookedUp = vi.spyOn(types, 'inAnyMode', 'get');
    for (let call = 0; call < 5; call += 1) await leaving.before([]);
    expect(lookedUp).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    for (let call = 0; call < 5; call += 1) await leaving.before([]);
    expect(lookedUp).toHaveBeenCalledOnce();
  } finally {
    vi.useRealTimers();
  }
});

test('entities that are left at the same time, one with a policy and one without, are both done with', async () => {
  const types = new TypeRegistry();
  fill(types, written());
  const both: Releases = { staged: new Map([...STAGED.staged, VISIT]), copied: [] };
  const asked: string[] = [];
  const { promise: areBothAsked, resolve } = Promise.withResolvers<void>();
  const leaving = leavingBeside(types, [both], async (entities) => {
    asked.push(...entities);
    if (asked.length === 2) resolve();
    await areBothAsked;
    return entities;
  });
  // The first call waits for the attempt, the second one meanwhile leaves what it is about.
  await Promise.all([
    leaving.before([]),
    vi.waitFor(() => expect(asked).toEqual(['Book'])).then(async () => leaving.before([visit()])),
  ]);
  expect(types.leaving.size).toBe(0);
});
