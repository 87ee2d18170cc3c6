/**
 * An application whose changes are held: transactions that count on hot pages, edit an item of their own and write a
 * receipt by SQL, some with a savepoint that is rolled back, some rolled back altogether. A receipt is in the database
 * exactly if its transaction has committed, so it needs no other journal.
 */
import { Spillway } from '@spillway/core';
import { JournalWriter } from '../support/journal.js';
import { below, randomOf } from '../support/random.js';
import { die, readSettings, type TransactorSettings } from './settings.js';
import { Item, openSite, Page, Receipt } from './site.js';

const HOT_PAGES = 3;

class MeantToFail extends Error {}

const settings = readSettings() as TransactorSettings;
const { dieAfter, lanes, name, seed, transactions = Number.POSITIVE_INFINITY } = settings;
const journal = new JournalWriter(settings.journal);
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());

let times = 0;
const orm = await openSite(settings, {
  spillway: { worker: false },
  holdSteps: async (step) => {
    if (step !== dieAfter?.step) return;
    times += 1;
    if (times === dieAfter.time) await die();
  },
});
await Spillway.of(orm).start();
journal.write({ kind: 'ready' });
await Promise.all(
  Array.from({ length: lanes }, async (_, lane) => work(`${name}.${lane}`, randomOf(seed * 100 + lane))),
);
await orm.close();
journal.write({ kind: 'stopped', left: 0 });

async function work(lane: string, random: () => number): Promise<void> {
  for (let number = 1; number <= transactions && !ending.signal.aborted; number++) {
    const id = `${lane}#${String(number).padStart(6, '0')}`;
    try {
      await transact(lane, id, random);
      journal.write({ kind: 'done', work: id });
    } catch (error) {
      if (!(error instanceof MeantToFail)) throw error;
    }
  }
}

async function transact(lane: string, id: string, random: () => number): Promise<void> {
  const hits = 1 + below(random, 5);
  const page = `hot ${below(random, HOT_PAGES)}`;
  const fails = below(random, 5) === 0;
  const hasSavepoint = below(random, 3) === 0;
  await orm.em.fork().transactional(
    async (em) => {
      (await em.findOneOrFail(Page, page)).hits += hits;
      await em.flush();
      if (hasSavepoint) await fallBack(em, page);
      const item = (await em.findOne(Item, lane)) ?? em.create(Item, { id: lane, text: '' });
      item.text = id;
      await em.flush();
      em.create(Receipt, { id, page, hits, item: lane, text: id });
      await em.flush();
      if (fails) throw new MeantToFail();
    },
    { spillway: 'stage' },
  );
}

async function fallBack(em: ReturnType<typeof orm.em.fork>, page: string): Promise<void> {
  try {
    await em.transactional(async (part) => {
      (await part.findOneOrFail(Page, page)).hits += 1_000;
      await part.flush();
      throw new MeantToFail();
    });
  } catch (error) {
    if (!(error instanceof MeantToFail)) throw error;
    // The entity manager believes what MikroORM believes after a rollback to a savepoint; what counts is read again.
    em.clear();
  }
}
