import { EventType, type EventArgs, type FlushEventArgs, type Opt, type EntityManager } from '@mikro-orm/core';
import {
  AfterCreate,
  AfterDelete,
  AfterUpdate,
  AfterUpsert,
  BeforeCreate,
  BeforeDelete,
  BeforeUpdate,
  BeforeUpsert,
  Entity,
  OnInit,
  OnLoad,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/legacy';
import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

/** What the hooks of one step have seen, in order. */
const heard: unknown[] = [];
interface Heard {
  readonly entity: object;
  readonly changeSet?: { readonly type: string; readonly payload: object };
}
const hear = (hook: string, { entity, changeSet }: Heard): void => {
  heard.push({ hook, id: Reflect.get(entity, 'id'), type: changeSet?.type, payload: changeSet?.payload });
};

@Entity()
@WriteBehind()
class Note {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  text!: string;

  @Property({ type: 'integer' })
  length: number & Opt = 0;

  @Property({ type: 'integer', version: true })
  version!: number & Opt;

  @OnInit()
  onInit(args: EventArgs<Note>): void {
    hear('onInit', args);
  }

  @OnLoad()
  async onLoad(args: EventArgs<Note>): Promise<void> {
    hear('onLoad', args);
  }

  /** What hooks change is part of the change. */
  @BeforeCreate()
  @BeforeUpdate()
  @BeforeUpsert()
  measure(args: EventArgs<Note>): void {
    hear('before', args);
    if (typeof args.entity.text === 'string') args.entity.length = args.entity.text.length;
  }

  @AfterCreate()
  @AfterUpdate()
  @AfterUpsert()
  async after(args: EventArgs<Note>): Promise<void> {
    hear('after', args);
  }

  @BeforeDelete()
  @AfterDelete()
  gone(args: EventArgs<Note>): void {
    hear('delete', args);
  }
}

const FLUSHES = [EventType.beforeFlush, EventType.onFlush, EventType.afterFlush] as const;

let both: Twins;

beforeAll(async () => {
  both = await twins([Note]);
  for (const orm of [both.behind, both.plain])
    orm.em.getEventManager().registerSubscriber({
      ...Object.fromEntries(
        FLUSHES.map((hook) => [
          hook,
          ({ uow }: FlushEventArgs) => void heard.push({ hook, types: uow.getChangeSets().map(({ type }) => type) }),
        ]),
      ),
      afterCreate: (args: EventArgs<object>) => hear('subscriber', args),
      beforeUpdate: (args: EventArgs<object>) => hear('subscriber', args),
    });
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function expectSame(step: (em: EntityManager) => unknown): Promise<void> {
  let steps = 0;
  await both.same(async (em) => {
    heard.length = 0;
    await step(em);
    steps += heard.length;
    return heard.map((each) => structuredClone(each));
  });
  expect(steps, 'hooks that ran').toBeGreaterThan(0);
}

test('hooks of entities, subscribers and flushes run as in plain MikroORM, when the change is staged', async () => {
  await expectSame(async (em) => {
    em.create(Note, { id: 1, text: 'abc' });
    em.create(Note, { id: 2, text: 'abcd' });
    await em.flush();
  });
  await expectSame(async (em) => em.findOneOrFail(Note, 1));
  await expectSame(async (em) => {
    for (const id of [1, 2]) (await em.findOneOrFail(Note, id)).text += '!';
    await em.flush();
  });
  expect((await Spillway.of(both.behind).status()).pending).toEqual({ Note: 2 });
  await both.same((em) => em.findOneOrFail(Note, 2));
  await expectSame(async (em) => {
    em.remove(await em.findOneOrFail(Note, 2));
    await em.flush();
  });
  expect(await both.differences()).toEqual([]);
  await both.same((em) => em.find(Note, {}));
});

test('hooks of em.upsert() of an entity run, and what they change is written', async () => {
  await expectSame(async (em) => {
    await em.upsert(em.create(Note, { id: 5, text: 'five', version: 1 }, { persist: false }));
    await em.upsert(Note, { id: 6, text: 'six', length: 3 });
  });
  expect(await both.differences()).toEqual([]);
});

test('hooks of transactions run for what goes by SQL, and not for a flush that is staged', async () => {
  const seen: string[] = [];
  const orm: MikroORM = both.behind;
  const hook = (name: string) => (): void => void seen.push(name);
  orm.em.getEventManager().registerSubscriber({
    getSubscribedEntities: () => [Note],
    beforeTransactionStart: hook('before start'),
    afterTransactionStart: hook('after start'),
    beforeTransactionCommit: hook('before commit'),
    afterTransactionCommit: hook('after commit'),
    beforeTransactionRollback: hook('before rollback'),
    afterTransactionRollback: hook('after rollback'),
  });
  const em = orm.em.fork();
  em.create(Note, { id: 9, text: 'staged' });
  await em.flush();
  expect(seen).toEqual([]);
  await em.transactional(async (inner) => {
    (await inner.findOneOrFail(Note, 9)).text = 'by SQL';
  });
  expect(seen.splice(0)).toEqual(['before start', 'after start', 'before commit', 'after commit']);
  await expect(em.transactional(async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(seen).toEqual(['before start', 'after start', 'before rollback', 'after rollback']);
});
