import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineEntity, MikroORM, p } from '@mikro-orm/pglite';
import { afterAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import { memoryStaging } from '../../../src/testing/index.js';

const Note = defineEntity({
  name: 'Note',
  properties: { id: p.integer().primary(), text: p.string(), version: p.integer().version() },
});
WriteBehind({ debounce: '1h', maxDelay: '1h' })(Note.class);

const folder = await mkdtemp(join(tmpdir(), 'spillway-pglite-'));
afterAll(() => rm(folder, { recursive: true }));

/** It begins PGlite four times, which takes seconds each. */
const LONG_MS = 180_000;

test(
  'a database in a folder, which MikroORM makes when it connects, is made by the first flush',
  { timeout: LONG_MS },
  async () => {
    const orm = await MikroORM.init({
      entities: [Note],
      dbName: 'shop',
      driverOptions: { dataDir: join(folder, 'data') },
      ensureDatabase: { create: true },
      extensions: [spillway({ staging: () => memoryStaging({ shards: 4 }), shards: 4, tables: { ensure: true } })],
    });
    const em = orm.em.fork();
    em.create(Note, { id: 1, text: 'first' });
    await em.flush();
    await Spillway.of(orm).drain();
    const [where] = await orm.em.getConnection().execute('select current_database() as name, text from note');
    expect(where).toEqual({ name: 'shop', text: 'first' });
    await orm.close();
  },
);
