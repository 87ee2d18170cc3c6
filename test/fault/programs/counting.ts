/** A process that counts on hot rows until it has counted as often as it was told: four of five times through entities, many of them in a flush, and else by `service.increment()`. */
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, SpillwayError, StagingTimeoutError } from '@spillway/core';
import { JournalWriter } from '../support/journal.js';
import { below, randomOf } from '../support/random.js';
import { readSettings, type CountingSettings } from './settings.js';
import { openSite, Page } from './site.js';

/** Rows that one flush counts on. */
const ROWS_PER_FLUSH = 20;
const FLUSHES = 1 / 6;

const settings = readSettings() as CountingSettings;
const journal = new JournalWriter(settings.journal);
const random = randomOf(settings.seed);
let left = settings.increments;

const orm = await openSite(settings, { spillway: { worker: false, stageTimeout: '1m' } });
await Spillway.of(orm).start();
journal.write({ kind: 'ready' });
await Promise.all(Array.from({ length: settings.lanes }, async () => count(orm)));
await orm.close();
journal.write({ kind: 'stopped', left: 0 });

async function count(site: MikroORM): Promise<void> {
  for (let work = take(); work > 0; work = take()) {
    if (work === 1) await countOnce(site, anyRow());
    else await countOnEntities(site, work);
    journal.write({ kind: 'done', work: String(work) });
  }
}

/** How often the next unit of work counts. */
function take(): number {
  const wanted = random() < FLUSHES ? ROWS_PER_FLUSH : 1;
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
  const pages = await insist(async () => em.find(Page, { id: { $in: chosen } }));
  for (const page of pages) page.hits += 1;
  // A flush whose answer was lost is settled by the next one, which stages nothing twice.
  await insist(async () => em.flush());
}

async function countOnce(site: MikroORM, row: string): Promise<void> {
  let lost: StagingTimeoutError | undefined;
  await insist(async () => {
    try {
      await (lost ? lost.retry() : Spillway.of(site).increment(Page, row, { hits: 1 }));
    } catch (error) {
      if (error instanceof StagingTimeoutError) lost = error;
      throw error;
    }
  });
}

function isPassing({ code }: SpillwayError): boolean {
  return code.startsWith('STAGING_') || code === 'DATABASE_UNAVAILABLE';
}

/** A server that does not answer in time is no reason to give up: eight processes and their servers share a machine. */
async function insist<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof SpillwayError) || !isPassing(error)) throw error;
    }
  }
}

function anyRow(): string {
  return settings.rows[below(random, settings.rows.length)] ?? '';
}
