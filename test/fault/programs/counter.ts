/**
 * Counts the hits of pages that everybody counts, as fast as it can, so many times, and ends. Nobody kills it: in the
 * end it knows exactly what it has added to which page.
 */
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway, StagingTimeoutError } from '@spillway/core';
import { JournalWriter } from '../support/journal.js';
import { below, randomOf } from '../support/random.js';
import { readSettings, type CounterSettings } from './settings.js';
import { openSite, Page } from './site.js';

/** So many increments are one entry of the journal. */
const REPORTED = 100;
/** One of so many is done through an entity that is loaded and flushed. */
const THROUGH_ENTITY = 20;

const settings = readSettings() as CounterSettings;
const { increments, lanes, makesPages = false, pages, seed } = settings;
const journal = new JournalWriter(settings.journal);
const random = randomOf(seed);
const sums = new Map<string, number>();
let [begun, done] = [0, 0];

const orm = await openSite(settings, { spillway: { worker: false } });
await Spillway.of(orm).start();
journal.write({ kind: 'ready' });
await Promise.all(Array.from({ length: lanes }, async () => count(orm)));
await Spillway.of(orm).stop({ drain: false });
await orm.close();
journal.write({ kind: 'counted', increments: done, sums: Object.fromEntries(sums) });

async function count(site: MikroORM): Promise<void> {
  while (begun < increments) {
    begun += 1;
    const page = pages[below(random, pages.length)] as string;
    const by = 1 + below(random, 3);
    if (!makesPages && below(random, THROUGH_ENTITY) === 0) await addThroughEntity(site, page, by);
    else await add(site, page, by);
    sums.set(page, (sums.get(page) ?? 0) + by);
    done += 1;
    if (done % REPORTED === 0) journal.write({ kind: 'counted', increments: done, sums: {} });
  }
}

async function add(site: MikroORM, page: string, by: number): Promise<void> {
  await untilAnswered(
    async () => Spillway.of(site).increment(Page, page, { hits: by }, makesPages ? { missing: 'create' } : {}),
    async (error) => error.retry(),
  );
}

async function addThroughEntity(site: MikroORM, id: string, by: number): Promise<void> {
  const em = site.em.fork();
  const page = await em.findOneOrFail(Page, id);
  page.hits += by;
  // The next flush finds out whether the last one was staged, before it stages anything.
  const flush = async (): Promise<void> => em.flush();
  await untilAnswered(flush, flush);
}

/**
 * On a machine that is busy enough nobody answers in time. What is in doubt then is settled, as README says, and never
 * added twice.
 */
async function untilAnswered(
  act: () => Promise<unknown>,
  again: (error: StagingTimeoutError) => Promise<unknown>,
): Promise<void> {
  let next = act;
  for (;;)
    try {
      await next();
      return;
    } catch (error) {
      if (!(error instanceof StagingTimeoutError)) throw error;
      next = async () => again(error);
    }
}
