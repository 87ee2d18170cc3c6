import {
  defineEntity,
  MikroORM,
  p,
  raw,
  RequestContext,
  type EntityManager,
  type Options,
} from '@mikro-orm/postgresql';
import { isDeepStrictEqual } from 'node:util';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, SpillwayRepository, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

/** Belongs to the whole server, so no other test has it. */
const reader = freshNamespace('reader');

class Papers extends SpillwayRepository<InstanceType<typeof Paper.class>> {}
const Label = defineEntity({ name: 'Label', properties: { id: p.integer().primary(), text: p.string() } });
const Paper = defineEntity({
  name: 'Paper',
  repository: () => Papers,
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    views: p.integer().default(0),
    version: p.integer().version(),
    labels: () => p.manyToMany(Label).owner(),
    about: () => p.manyToOne(Paper).nullable(),
    answers: () => p.oneToMany(Paper).mappedBy('about'),
  },
});
WriteBehind({ debounce: '1h', maxDelay: '1h', counters: ['views'] })(Paper.class as never);
WriteBehind({ debounce: '1h', maxDelay: '1h' })(Label.class as never);

let db: Database;
/** Connects as the owner of the tables, who may do everything. */
let orm: MikroORM;

async function paperOrm(settings: Partial<SpillwayOptions> = {}, options: Partial<Options> = {}): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Paper, Label],
    clientUrl: db.url,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        worker: false,
        tables: { ensure: true },
        ...settings,
      }),
    ],
    ...options,
  });
}

beforeAll(async () => {
  db = await database();
  orm = await paperOrm();
  await orm.schema.create();
  await orm.em.execute(
    `create role ${reader}; grant ${reader} to current_user; grant select on all tables in schema public to ${reader}`,
  );
});

afterAll(async () => {
  await orm.em.execute(`drop owned by ${reader}; drop role ${reader}`);
  await orm.close();
  await db.drop();
});

beforeEach(async () => {
  await Spillway.of(orm).drain();
  await orm.em.execute('truncate paper, label, paper_labels');
  await orm.em.execute(
    `insert into label values (1, 'a'), (2, 'b');
     insert into paper (id, title, views, version, about_id)
       values (1, 'first', 3, 1, null), (2, 'second', 3, 1, null), (3, 'third', 3, 1, 1);
     insert into paper_labels (paper_id, label_id) values (1, 1)`,
  );
});

const papers = (em: EntityManager): Papers => em.getRepository(Paper);

/** Every way of writing that an application has, each of a row that its role may see. */
const WAYS: Readonly<Record<string, (em: EntityManager) => Promise<unknown>>> = {
  'em.flush() of a new row': async (em) => {
    em.create(Paper, { id: 9, title: 'new' });
    await em.flush();
  },
  'em.flush() of a changed row': async (em) => {
    (await em.findOneOrFail(Paper, 1)).title = 'changed';
    await em.flush();
  },
  'em.flush() of a counter': async (em) => {
    (await em.findOneOrFail(Paper, 1)).views += 1;
    await em.flush();
  },
  'em.flush() of a removed row': async (em) => {
    await em.remove(await em.findOneOrFail(Paper, 2)).flush();
  },
  'em.flush() of a row that was never loaded': async (em) => {
    await em.remove(em.getReference(Paper, 2)).flush();
  },
  'em.upsert() that is flushed later': async (em) => {
    const paper = await em.findOneOrFail(Paper, 1);
    await em.upsert(paper);
    paper.title = 'changed';
    await em.flush();
  },
  'em.upsert()': async (em) => em.upsert(Paper, { id: 2, title: 'changed' }),
  'em.upsert() of a new row': async (em) => em.upsert(Paper, { id: 9, title: 'new' }),
  'em.upsertMany()': async (em) => em.upsertMany(Paper, [{ id: 2, title: 'changed' }]),
  'em.insert()': async (em) => em.insert(Paper, { id: 9, title: 'new' }),
  'em.insertMany()': async (em) => em.insertMany(Paper, [{ id: 9, title: 'new' }]),
  'em.nativeUpdate()': async (em) => em.nativeUpdate(Paper, { id: 1 }, { title: 'changed' }),
  'em.nativeUpdate() by criteria': async (em) => em.nativeUpdate(Paper, { title: 'first' }, { title: 'changed' }),
  'em.nativeUpdate() with raw()': async (em) => em.nativeUpdate(Paper, { id: 1 }, { views: raw<number>('views + 1') }),
  'em.nativeDelete()': async (em) => em.nativeDelete(Paper, { id: 2 }),
  'em.clone()': async (em) => em.clone(Paper, { id: 1 }, { id: 9 }),
  'a collection with a pivot table': async (em) => {
    const paper = await em.findOneOrFail(Paper, 1, { populate: ['labels'] });
    paper.labels.add(em.getReference(Label, 2));
    await em.flush();
  },
  'a collection that is emptied': async (em) => {
    const paper = await em.findOneOrFail(Paper, 1, { populate: ['labels'] });
    paper.labels.removeAll();
    await em.flush();
  },
  'a collection of rows that refer to another': async (em) => {
    const paper = await em.findOneOrFail(Paper, 2, { populate: ['answers'] });
    paper.answers.add(await em.findOneOrFail(Paper, 3));
    await em.flush();
  },
  'repository.save()': async (em) => papers(em).save(papers(em).create({ id: 9, title: 'new' })),
  'repository.remove()': async (em) => papers(em).remove(await papers(em).findOneOrFail(2)),
  'repository.patch()': async (em) => papers(em).patch(1, { title: 'changed' }),
  'repository.patch() with a version': async (em) => papers(em).patch(1, { title: 'changed' }, { version: 1 }),
  'repository.increment()': async (em) => papers(em).increment(1, { views: 1 }),
  'repository.insert()': async (em) => papers(em).insert({ id: 9, title: 'new' }),
  'repository.insertMany()': async (em) => papers(em).insertMany([{ id: 9, title: 'new' }]),
  'repository.upsert()': async (em) => papers(em).upsert({ id: 2, title: 'changed' }),
  'repository.upsertMany()': async (em) => papers(em).upsertMany([{ id: 2, title: 'changed' }]),
  'repository.nativeUpdate()': async (em) => papers(em).nativeUpdate({ id: 1 }, { title: 'changed' }),
  'repository.nativeDelete()': async (em) => papers(em).nativeDelete({ id: 2 }),
};

/** The calls of the service have no entity manager: they see the one of the request or of the transaction. */
const SERVICE_WAYS: Readonly<Record<string, (own: MikroORM) => Promise<unknown>>> = {
  'patch() of the service': async (own) => Spillway.of(own).patch(Paper, 1, { title: 'changed' }),
  'increment() of the service': async (own) => Spillway.of(own).increment(Paper, 1, { views: 1 }),
};

/** How an entity manager comes to have a session context. */
const CONTEXTS: Readonly<Record<string, (own: MikroORM, way: (em: EntityManager) => Promise<unknown>) => unknown>> = {
  'with em.setSessionContext()': async (own, way) => {
    const em = own.em.fork();
    em.setSessionContext({ role: reader });
    await way(em);
  },
  'in em.transactional()': async (own, way) => {
    await own.em.fork({ session: { role: reader } }).transactional(way);
  },
  'in a transaction that would hold': async (own, way) => {
    await own.em.fork({ session: { role: reader } }).transactional(way, { spillway: 'stage' });
  },
  'in a transaction that was begun by hand': async (own, way) => {
    const em = own.em.fork({ session: { role: reader } });
    await em.begin();
    try {
      await way(em);
      await em.commit();
    } catch (error) {
      await em.rollback();
      throw error;
    }
  },
  'in a request': async (own, way) => {
    await RequestContext.create(own.em, async () => {
      own.em.setSessionContext({ role: reader });
      await way(own.em);
    });
  },
};
/** Without an entity manager at hand, only these can be seen. */
const AMBIENT = ['in em.transactional()', 'in a transaction that would hold', 'in a request'];

/** How a call has ended, and whether anything is left of it. */
async function outcomeOf(own: MikroORM, act: () => unknown): Promise<object> {
  const before = await tables();
  let error = 'none';
  try {
    await act();
  } catch (cause) {
    error = String(cause);
  }
  const { pending } = await Spillway.of(own).status();
  await Spillway.of(own).drain();
  const isUnchanged = isDeepStrictEqual(await tables(), before);
  return { error, pending, isUnchanged };
}

const REFUSED = { error: expect.stringMatching(/permission denied/) as string, pending: {}, isUnchanged: true };

const tables = async (): Promise<unknown> => [
  await orm.em.getConnection().execute('select * from paper order by id'),
  await orm.em.getConnection().execute('select * from paper_labels order by paper_id, label_id'),
];

describe.each(Object.keys(CONTEXTS))('under a session context whose role may only read, %s,', (context) => {
  test.each(Object.keys(WAYS))('%s is refused, and nothing is staged', async (way) => {
    expect(await outcomeOf(orm, () => CONTEXTS[context]?.(orm, WAYS[way] as never))).toEqual(REFUSED);
  });
});

describe.each(AMBIENT)('under the session context of whoever calls, %s,', (context) => {
  test.each(Object.keys(SERVICE_WAYS))('%s is refused, and nothing is staged', async (way) => {
    expect(await outcomeOf(orm, () => CONTEXTS[context]?.(orm, async () => SERVICE_WAYS[way]?.(orm)))).toEqual(REFUSED);
  });
});

describe('where every connection is given the session context of the request,', () => {
  let own: MikroORM;
  beforeAll(async () => {
    own = await paperOrm({}, { sessionContext: 'connection' });
  });
  afterAll(async () => own.close());

  const inRequest = (way: (em: EntityManager) => Promise<unknown>) => () => CONTEXTS['in a request']?.(own, way);

  test.each(Object.keys(WAYS))('%s is refused, and nothing is staged', async (way) => {
    expect(await outcomeOf(own, inRequest(WAYS[way] as never))).toEqual(REFUSED);
  });

  test.each(Object.keys(SERVICE_WAYS))('%s is refused, and nothing is staged', async (way) => {
    expect(
      await outcomeOf(
        own,
        inRequest(async () => SERVICE_WAYS[way]?.(own)),
      ),
    ).toEqual(REFUSED);
  });

  test.each(['em.flush() of a new row', 'repository.patch()', 'repository.increment()', 'em.nativeUpdate()'])(
    '%s of an entity manager from outside of the request is refused, and nothing is staged',
    async (way) => {
      const outside = own.em.fork();
      expect(
        await outcomeOf(
          own,
          inRequest(async () => WAYS[way]?.(outside)),
        ),
      ).toEqual(REFUSED);
    },
  );
});

describe('where staging is turned off,', () => {
  let off: MikroORM;
  beforeAll(async () => {
    off = await paperOrm({ enabled: false });
  });
  afterAll(async () => off.close());

  test.each(['repository.patch()', 'repository.increment()', 'em.nativeUpdate()'])(
    '%s under a session context is refused too',
    async (way) => {
      expect(await outcomeOf(off, () => CONTEXTS['with em.setSessionContext()']?.(off, WAYS[way] as never))).toEqual(
        REFUSED,
      );
    },
  );
});

describe('under a session context whose policies leave rows out', () => {
  const tenant = freshNamespace('tenant');
  beforeAll(async () => {
    await orm.em.execute(
      `create role ${tenant}; grant ${tenant} to current_user; grant all on paper to ${tenant}; alter table paper enable row level security;
       create policy own on paper to ${tenant} using (title = current_setting('app.title'))`,
    );
  });
  afterAll(async () => {
    await orm.em.execute(
      `drop policy own on paper; alter table paper disable row level security; drop owned by ${tenant}; drop role ${tenant}`,
    );
  });
  const as = (title: string): EntityManager =>
    orm.em.fork({ session: { role: tenant, variables: { 'app.title': title } } });

  test('patch() and increment() do what they are asked, of a row that it may change, and at once', async () => {
    const receipt = await papers(as('first')).increment(1, { views: 2 });
    await receipt.written();
    await papers(as('first')).patch(1, { views: 10 }, { version: 1 });
    expect((await Spillway.of(orm).status()).pending).toEqual({});
    expect(await orm.em.execute('select title, views, version from paper where id = 1')).toEqual([
      { title: 'first', views: 10, version: 2 },
    ]);
  });

  test('patch() and increment() of a row that it does not see find no row', async () => {
    const other = papers(as('first'));
    await expect(other.patch(2, { views: 10 })).rejects.toThrow(/optimistic lock/);
    await expect(other.increment(2, { views: 1 })).rejects.toThrow(/optimistic lock/);
    expect(await orm.em.execute('select views, version from paper where id = 2')).toEqual([{ views: 3, version: 1 }]);
  });

  test('what is pending of the row is written before', async () => {
    await Spillway.of(orm).increment(Paper, 1, { views: 5 });
    await papers(as('first')).increment(1, { views: 1 });
    expect(await orm.em.execute('select views from paper where id = 1')).toEqual([{ views: 9 }]);
  });

  test('pending() is refused, because no policy can be asked about what is staged', async () => {
    await Spillway.of(orm).patch(Paper, 2, { title: 'secret' });
    const refused = papers(as('first')).pending(2);
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/pending\(\) of Paper under a session context.*Ask an entity manager without one/),
    });
  });
});

describe('a transaction without a session context', () => {
  test('takes patch() and increment() of its repositories back when it is rolled back', async () => {
    const failing = orm.em.fork().transactional(async (em) => {
      await papers(em).patch(1, { title: 'changed' });
      await papers(em).increment(2, { views: 1 });
      expect((await em.fork({ keepTransactionContext: true }).findOneOrFail(Paper, 1)).title).toBe('changed');
      throw new Error('no, after all');
    });
    await expect(failing).rejects.toThrow('no, after all');
    await Spillway.of(orm).drain();
    expect(await orm.em.execute('select title, views from paper where id < 3 order by id')).toEqual([
      { title: 'first', views: 3 },
      { title: 'second', views: 3 },
    ]);
  });
});
