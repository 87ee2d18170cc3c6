import { expect, test, vi } from 'vitest';
import { TypeRegistry } from '../../../src/mikro-orm/describe/type-registry.js';
import type { WriteBehindType } from '../../../src/mikro-orm/describe/write-behind-type.js';
import { Leaving } from '../../../src/runtime/leaving.js';
import type { Releases } from '../../../src/runtime/parts.js';

const Book = function Book(): void {};
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

function fill(types: TypeRegistry, ...discovered: WriteBehindType[]): void {
  types.fill(discovered);
}

/** Of this release, while the database answers so, one answer after the other; nothing can be left. */
function leavingBeside(types: TypeRegistry, answers: readonly (Releases | Promise<Releases>)[]): Leaving {
  const asked = [...answers];
  const leave = async () => [];
  const life = {
    opened: undefined,
    askPrepared: async () => asked.shift(),
    openAndWork: async () => ({ staging: { policies: { leave } }, worker: { drain: async () => ({ left: 1 }) } }),
  };
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
    const visits: Releases = { staged: new Map([['Visit', { schema: 'public', table: 'visit' }]]), copied: [] };
    const leaving = leavingBeside(types, [visits]);
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
