/** A process that counts on hot rows, half of it through entities and half by `service.increment()`, until it has counted as often as it was told. */
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { JournalWriter } from '../support/journal.js';
import { below, randomOf } from '../support/random.js';
import { readSettings, type CountingSettings } from './settings.js';
import { openSite, Page } from './site.js';

/** Rows that one flush counts on. */
const ROWS_PER_FLUSH = 10;

const settings = readSettings() as CountingSettings;
const journal = new JournalWriter(settings.journal);
const random = randomOf(settings.seed);
let left = settings.increments;

const orm = await openSite(settings, { spillway: { worker: false } });
await Spillway.of(orm).start();
journal.write({ kind: 'ready' });
await Promise.all(Array.from({ length: settings.lanes }, async () => count(orm)));
await orm.close();
journal.write({ kind: 'stopped', left: 0 });

async function count(site: MikroORM): Promise<void> {
  for (let work = take(); work > 0; work = take()) {
    if (work === 1) await Spillway.of(site).increment(Page, anyRow(), { hits: 1 });
    else await countOnEntities(site, work);
    journal.write({ kind: 'done', work: String(work) });
  }
}

/** How often the next unit of work counts: half of all increments are in flushes of several rows. */
function take(): number {
  const wanted = random() < 1 / (ROWS_PER_FLUSH + 1) ? ROWS_PER_FLUSH : 1;
  const work = Math.min(wanted, left);
  left -= work;
  return work;
}

async function countOnEntities(site: MikroORM, rows: number): Promise<void> {
  const em = site.em.fork();
  const first = below(random, settings.rows.length);
  const chosen = Array.from(
    { length: rows },
    (_, index) => settings.rows[(first + index) % settings.rows.length] ?? '',
  );
  const pages = await em.find(Page, { id: { $in: chosen } });
  for (const page of pages) page.hits += 1;
  await em.flush();
}

function anyRow(): string {
  return settings.rows[below(random, settings.rows.length)] ?? '';
}
