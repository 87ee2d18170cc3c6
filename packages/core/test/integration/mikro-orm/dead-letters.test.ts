import { DefaultLogger, type LoggerOptions, type MikroORM } from '@mikro-orm/postgresql';
import { database, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, type SpillwayEventOf, type SpillwayOptions } from '../../../src/index.js';
import { Article, repositoryOrm, Tag } from './repository-entities.js';

let db: Database;
let orm: MikroORM | undefined;

beforeAll(async () => {
  db = await database();
  const made = await repositoryOrm(db.url, { worker: false });
  await made.schema.create();
  await made.close();
});
afterEach(async () => {
  await orm?.close();
  orm = undefined;
});
afterAll(async () => db.drop());

/** What MikroORM's logger is told, by level. */
class LevelLogger extends DefaultLogger {
  static readonly lines: string[] = [];
  override error(namespace: string, message: string, context?: { readonly enabled?: boolean }): void {
    LevelLogger.lines.push(`error ${namespace} ${String(context?.enabled)}: ${message}`);
  }
  override warn(namespace: string, message: string): void {
    LevelLogger.lines.push(`warn ${namespace}: ${message}`);
  }
}

async function open(settings: Partial<SpillwayOptions> = {}): Promise<Spillway> {
  orm = await repositoryOrm(
    db.url,
    { worker: false, shards: 1, ...settings },
    { loggerFactory: (options: LoggerOptions) => new LevelLogger(options) },
  );
  return Spillway.of(orm);
}

const silent = { warn: () => {}, error: () => {} };

/** Counters of rows that are not there. */
async function bury(service: Spillway, numbers: readonly number[]): Promise<void> {
  for (const n of numbers)
    await service.increment(Article, `018f3f0e-0000-7000-8000-${String(n).padStart(12, '0')}`, { stock: 1 });
  await service.drain();
}

describe('a dead letter is an error in the log', () => {
  test('of MikroORM, by its level, whatever MikroORM is told to show', async () => {
    const service = await open();
    await bury(service, [1]);
    expect(LevelLogger.lines).toEqual([
      'error spillway true: a change of Article 018f3f0e-0000-7000-8000-000000000001 became a dead letter (ROW_MISSING): ' +
        'There is no row of Article with this key: it was deleted, or never inserted.',
    ]);
  });

  test('of a framework that has named its own, unless the options name one', async () => {
    const heard: string[] = [];
    const other = { warn: (text: string) => heard.push(text), error: (text: string) => heard.push(`error: ${text}`) };
    const service = await open();
    service.logTo(other);
    await bury(service, [1]);
    expect(heard).toEqual([expect.stringContaining('error: Spillway: a change of Article 018f3f0e')]);
    await orm?.close();
    const named = await open({ logger: silent });
    named.logTo(other);
    await bury(named, [1]);
    expect(heard.length).toBe(1);
  });
});

describe('so many dead letters are kept as deadLetters.keep says', () => {
  test('and that the oldest go is an event, an error in the log, and a number in the status', async () => {
    const logged: string[] = [];
    const heard: SpillwayEventOf<'dead-letters-dropped'>[] = [];
    const service = await open({
      deadLetters: { keep: 2, keepFor: '1h' },
      logger: { ...silent, error: (text) => logged.push(text) },
    });
    service.on('dead-letters-dropped', (event) => heard.push(event));
    for (const n of [1, 2, 3]) await bury(service, [n]);
    const gone = '018f3f0e-0000-7000-8000-000000000001';
    expect(heard).toMatchObject([
      { shard: 0, letters: [{ rowKey: `["public","article","${gone}"]`, entity: 'Article', code: 'ROW_MISSING' }] },
    ]);
    expect(logged.filter((text) => text.includes('dropped'))).toEqual([
      `Spillway: 1 dead letters, that of Article ${gone} (ROW_MISSING) among them, were dropped, and what they held is lost: ` +
        '2 are kept over all shards, which have equal parts of them, and for no longer than 1h. ' +
        'Retry or discard dead letters, or raise deadLetters.keep and deadLetters.keepFor',
    ]);
    expect(await service.status()).toMatchObject({ dead: 2, deadDropped: 1 });
    expect((await service.deadLetters.list()).map(({ rowKey }) => rowKey.slice(-4, -2))).toEqual(['03', '02']);
  });
});

describe('all letters of a filter', () => {
  test('are discarded, in pages, and no others', async () => {
    const service = await open({ logger: silent });
    await bury(service, [...Array(120).keys()]);
    await service.patch(Tag, 7, { name: 'gone' });
    await service.drain();
    expect(await service.deadLetters.discardAll({ entity: Article, code: '23505' })).toEqual({ discarded: 0 });
    expect(await service.deadLetters.discardAll({ entity: Article, code: 'ROW_MISSING' }, { limit: 110 })).toEqual({
      discarded: 110,
    });
    expect(await service.deadLetters.discardAll({ entity: Article })).toEqual({ discarded: 10 });
    expect(await service.status()).toMatchObject({ dead: 1 });
    expect(await service.deadLetters.discardAll({})).toEqual({ discarded: 1 });
  });

  test('are tried again, the newest of a row first; what cannot be put back is counted and stays', async () => {
    const service = await open({ logger: silent });
    await bury(service, [...Array(110).keys()]);
    await bury(service, [1]);
    expect(await service.deadLetters.retryAll({ code: 'ROW_MISSING' }, { limit: 5 })).toMatchObject({ staged: 5 });
    const rest = await service.deadLetters.retryAll({ entity: Article });
    expect(rest.staged + 5).toBe(110);
    expect(rest.newer).toBe(1);
    expect(await service.status()).toMatchObject({ dead: 1, pending: { Article: 110 } });
    expect(await service.deadLetters.retryAll({ entity: Article }, { force: true })).toEqual({
      staged: 1,
      newer: 0,
      refused: 0,
    });
    expect(await service.pending(Article, '018f3f0e-0000-7000-8000-000000000001')).toMatchObject({
      increments: { stock: '2' },
    });
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(service.deadLetters.retryAll({}, { signal: aborted })).rejects.toThrow('enough');
  });

  test('are never meant by a filter that is misspelt, or whose value is missing', async () => {
    const service = await open({ logger: silent });
    await bury(service, [1]);
    const { deadLetters } = service;
    await expect(deadLetters.discardAll({ enitty: Article } as never)).rejects.toThrow(
      'Unknown option "enitty" in the filter of discardAll(). Did you mean "entity"?',
    );
    await expect(deadLetters.discardAll({ code: undefined } as never)).rejects.toThrow(
      'code in the filter of discardAll() is undefined; it must be left out, or say which letters are meant',
    );
    await expect(deadLetters.retryAll(undefined as never)).rejects.toThrow('the filter of retryAll()');
    await expect(deadLetters.retryAll({ code: 23505 } as never)).rejects.toThrow('must be the code of a dead letter');
    expect(await service.status()).toMatchObject({ dead: 1 });
  });
});
