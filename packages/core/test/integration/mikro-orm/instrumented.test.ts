import { AbstractSqlConnection, defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect, test, vi } from 'vitest';
import { spillway } from '../../../src/index.js';

const Note = defineEntity({ name: 'InstrumentedNote', properties: { id: p.integer().primary() } });

test('a class of connections that is instrumented after the ORM was made sees every statement', async () => {
  await using db = await database();
  const orm = await MikroORM.init({
    entities: [Note],
    clientUrl: db.url,
    extensions: [spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false })],
  });
  await orm.schema.create();
  const executed = vi.spyOn(AbstractSqlConnection.prototype, 'execute');
  const streamed = vi.spyOn(AbstractSqlConnection.prototype, 'stream');
  try {
    await orm.em.fork().find(Note, {});
    for await (const note of orm.em.fork().stream(Note, {})) expect(note).toBeDefined();
    expect([executed.mock.calls.length, streamed.mock.calls.length]).toEqual([1, 1]);
  } finally {
    vi.restoreAllMocks();
    await orm.close();
  }
});
