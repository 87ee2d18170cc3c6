/**
 * Reads rows by key through the cache, and writes some, in all the ways there are, until it is killed or told to end.
 * Its journal says which text it saw of a row, and which text was acknowledged to it, with the times of both.
 */
import { raw, type MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { JournalWriter } from '../support/journal.js';
import { below, randomOf } from '../support/random.js';
import { readSettings, type LibrarianSettings } from './settings.js';
import { Behind, openShelf, Through } from './shelf.js';

const settings = readSettings() as LibrarianSettings;
const { rows, lanes, seed, worker } = settings;
const journal = new JournalWriter(settings.journal);
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());

/** One clock for all processes of a machine. */
const now = (): string => String(process.hrtime.bigint());

const orm = await openShelf(settings, worker);
await Spillway.of(orm)
  .start()
  .catch(() => undefined);
journal.write({ kind: 'ready' });
await Promise.all(Array.from({ length: lanes }, async (_, lane) => work(orm, randomOf(seed * 1_000 + lane))));
await orm.close();
journal.write({ kind: 'stopped', left: undefined });

async function work(site: MikroORM, random: () => number): Promise<void> {
  while (!ending.signal.aborted) {
    const entity = below(random, 2) === 0 ? Through : Behind;
    const id = 1 + below(random, rows);
    try {
      if (below(random, 10) < 7) await read(site, entity, id, below(random, rows));
      else await write(site, entity, id, below(random, 4));
    } catch (error) {
      // Redis is away, or somebody was faster: the next one.
      journal.write({ kind: 'failed', work: `${entity.name} ${id}`, error: String(error) });
    }
  }
}

async function read(site: MikroORM, entity: typeof Through | typeof Behind, id: number, other: number): Promise<void> {
  const begun = now();
  const ids = other % 3 === 0 ? [id, 1 + other] : [id];
  const found =
    ids.length === 1
      ? [await site.em.fork().findOneOrFail(entity, id)]
      : await site.em.fork().find(entity, { id: { $in: ids } });
  for (const { id: key, text } of found) journal.write({ kind: 'saw', row: `${entity.name} ${key}`, text, begun });
}

async function write(site: MikroORM, entity: typeof Through | typeof Behind, id: number, way: number): Promise<void> {
  const em = site.em.fork();
  const row = `${entity.name} ${id}`;
  const text = `by ${process.pid} at ${now()}`;
  let begun = now();
  if (way === 0) {
    await em.transactional(async (inner) => {
      const found = await inner.findOneOrFail(entity, id);
      found.text = text;
    });
  } else if (way === 1 && entity === Through) {
    await em.nativeUpdate(Through, { id, version: { $gt: 0 } }, { text: raw<string>(`'${text}'`) });
  } else if (way === 2 && entity === Through) {
    await em.nativeUpdate(Through, { id }, { text });
  } else {
    const found = await em.findOneOrFail(entity, id);
    found.text = text;
    begun = now();
    await em.flush();
  }
  journal.write({ kind: 'wrote', row, text, begun, done: now() });
}
