import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineEntity, MikroORM, p, type Options } from '@mikro-orm/pglite';
import { PGlite } from '@electric-sql/pglite';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

const Note = defineEntity({
  name: 'Note',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});
WriteBehind({ debounce: '1h', maxDelay: '1h' })(Note.class);

const pglite = await PGlite.create();
const folder = await mkdtemp(join(tmpdir(), 'spillway-pglite-'));
afterAll(async () => {
  await pglite.close();
  await rm(folder, { recursive: true });
});

/** Data in memory of MikroORM's own making does not outlive `orm.close()`, with Spillway or without. */
const PLACES: readonly [string, Partial<Options>][] = [
  ['an instance of the application', { driverOptions: { pglite } }],
  ['a folder', { dbName: join(folder, 'data') }],
];

describe.each(PLACES)('an ORM on PGlite (%s) that was closed and is connected again', (_, place) => {
  async function open(options: Partial<SpillwayOptions> = {}): Promise<MikroORM> {
    const orm = await MikroORM.init({
      entities: [Note],
      ...place,
      extensions: [
        spillway({
          redis: sharedRedisUrl(),
          namespace: freshNamespace(),
          shards: 4,
          tables: { ensure: true },
          ...options,
        }),
      ],
    });
    await orm.schema.refresh();
    return orm;
  }

  async function add(orm: MikroORM, id: number): Promise<void> {
    const em = orm.em.fork();
    em.create(Note, { id, text: `note ${id}` });
    await em.flush();
  }

  test('goes on, however often, and has written what was staged', async () => {
    const orm = await open();
    for (const round of [1, 2, 3]) {
      await add(orm, round);
      await orm.close();
      await orm.connect();
      const rows = await orm.em.getConnection().execute<object[]>('select id from note');
      expect(rows).toHaveLength(round);
      const em = orm.em.fork();
      (await em.findOneOrFail(Note, round)).text = 'changed';
      await em.flush();
      await em.transactional(async (inner) => {
        expect(await inner.count(Note, { text: 'changed' })).toBe(round);
      });
      await Spillway.of(orm).drain();
    }
    await orm.close();
  });

  test('has lost nothing that was pending', async () => {
    const orm = await open({ worker: false });
    await add(orm, 1);
    await orm.close();
    await expect(add(orm, 2)).rejects.toThrow('call orm.connect() to go on');
    await orm.connect();
    expect((await orm.em.fork().findOneOrFail(Note, 1)).text).toBe('note 1');
    expect((await Spillway.of(orm).status()).pending).toEqual({ Note: 1 });
    await Spillway.of(orm).drain();
    expect(await orm.em.getConnection().execute('select text from note')).toEqual([{ text: 'note 1' }]);
    await orm.close();
  });
});
