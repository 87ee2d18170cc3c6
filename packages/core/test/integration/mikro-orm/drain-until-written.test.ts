import type { MikroORM } from '@mikro-orm/postgresql';
import { database, eventually, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, SpillwayError } from '../../../src/index.js';
import { Article, type ArticleRepository, repositoryOrm, Tag } from './repository-entities.js';

let db: Database;
let orm: MikroORM;
let service: Spillway;

beforeAll(async () => {
  db = await database();
  orm = await repositoryOrm(db.url, { worker: false });
  await orm.schema.create();
  service = Spillway.of(orm);
});
afterEach(async () => {
  await service.drain();
});
afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function written(count: number): Promise<string[]> {
  const em = orm.em.fork();
  const articles = Array.from({ length: count }, (_, n) => em.create(Article, { name: `old ${n}` }));
  await em.flush();
  await service.drain();
  return articles.map(({ id }) => id);
}

async function rename(ids: readonly string[], name: string): Promise<void> {
  for (const id of ids) await service.patch(Article, id, { name });
}

async function named(name: string): Promise<number> {
  const [row] = await orm.em.getConnection().execute('select count(*)::int as n from article where name = ?', [name]);
  return (row as { n: number }).n;
}

/** Another session has locked the rows until the body calls back. */
async function whileLocked(
  ids: readonly string[],
  body: (release: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const holder = orm.em.fork();
  await holder.begin();
  let isHeld = true;
  const release = async (): Promise<void> => {
    if (isHeld) await holder.rollback();
    isHeld = false;
  };
  try {
    for (const id of ids) await holder.execute('select from article where id = ? for update', [id]);
    await body(release);
  } finally {
    await release();
  }
}

const failure = async (act: Promise<unknown>): Promise<SpillwayError> =>
  act.then(
    () => new SpillwayError('CONFIG_INVALID', 'nothing'),
    (error: unknown) => error as SpillwayError,
  );

describe('drain() of the service', () => {
  test('takes options alone, as that of a repository', async () => {
    expect(await service.drain({ timeout: '10s' })).toEqual({ left: 0 });
    expect(await service.drain(Article, { timeout: '10s' })).toEqual({ left: 0 });
    expect(await service.drain(undefined, { timeout: '10s' })).toEqual({ left: 0 });
    const repository = orm.em.fork().getRepository(Article) as ArticleRepository;
    expect(await repository.drain({ timeout: '10s', until: 'written' })).toEqual({ left: 0 });
  });

  test('refuses an option that it does not know, and one of which it cannot be', async () => {
    await expect(service.drain({ timout: '1s' } as never)).rejects.toThrow(
      'Unknown option "timout" in the options of drain(). Did you mean "timeout"?',
    );
    await expect(service.drain({ until: 'later' } as never)).rejects.toThrow("it must be 'tried' or 'written'");
    await expect(service.drain({ signal: {} } as never)).rejects.toThrow('signal in the options of drain() is');
  });

  test('tells what others have locked, and does not wait for it', async () => {
    const ids = await written(2);
    await rename(ids, 'untried');
    await whileLocked(ids, async () => {
      expect((await service.drain()).left).toBeGreaterThan(0);
      expect(await named('untried')).toBe(0);
    });
  });
});

describe("drain({ until: 'written' })", () => {
  test('waits for rows that others have locked, and for nothing that is staged later', async () => {
    const [early, late] = (await written(2)) as [string, string];
    await rename([early], 'early');
    await whileLocked([late], async () => {
      await whileLocked([early], async (release) => {
        const draining = service.drain({ until: 'written', timeout: '30s' });
        await eventually(async () => expect(await service.status()).toMatchObject({ inFlight: 1 }));
        await rename([late], 'late');
        await release();
        expect(await draining).toEqual({ left: 0 });
      });
      expect(await named('early')).toBe(1);
      expect(await named('late')).toBe(0);
    });
  });

  test('names what is left when the time is up, and why', async () => {
    const ids = await written(3);
    await rename(ids, 'blocked');
    await whileLocked(ids, async () => {
      const error = await failure(service.drain(Article, { until: 'written', timeout: '2s' }));
      expect(error).toMatchObject({ code: 'DRAIN_TIMEOUT' });
      expect(error.message).toMatch(
        /^drain\(\{ until: 'written' \}\) did not end within 2000 ms: 3 rows are not written that had changes staged before it \(Article: 3\), that of Article [0-9a-f-]{36} among them/,
      );
      expect(error.message).toContain(
        'One that had to wait said: The row is locked by somebody else. ' +
          'Nothing is lost: they stay staged and are written later',
      );
    });
  });

  test('names what is left where nothing can be tried', async () => {
    const ids = await written(1);
    await rename(ids, 'held up');
    const holder = orm.em.fork();
    await holder.begin();
    await holder.execute('select from spillway_shard for update');
    const error = await failure(service.drain({ until: 'written', timeout: '1s' }));
    await holder.rollback();
    expect(error).toMatchObject({ code: 'DRAIN_TIMEOUT' });
    expect(error.message).toContain('1 row is not written that had changes staged before it (Article: 1)');
  });

  test('ends at once with its signal, and so does a drain that tries', async () => {
    const ids = await written(1);
    await rename(ids, 'signalled');
    await whileLocked(ids, async () => {
      const end = new AbortController();
      const draining = failure(service.drain({ until: 'written', timeout: '1h', signal: end.signal }));
      await eventually(async () => expect(await service.status()).toMatchObject({ inFlight: 1 }));
      end.abort(new Error('the process ends'));
      expect((await draining).message).toBe('the process ends');
      const aborted = AbortSignal.abort(new Error('no more'));
      await expect(service.drain({ signal: aborted })).rejects.toThrow('no more');
    });
    expect(await service.drain({ until: 'written' })).toEqual({ left: 0 });
    expect(await named('signalled')).toBe(1);
  });

  test('is over when a change has become a dead letter', async () => {
    await service.patch(Tag, 99, { name: 'nobody' });
    expect(await service.drain({ until: 'written' })).toEqual({ left: 0 });
    expect(await service.deadLetters.discardAll({ entity: Tag })).toEqual({ discarded: 1 });
  });
});
