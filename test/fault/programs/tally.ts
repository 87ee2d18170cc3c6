/**
 * Adds to rows that everybody adds to, and reads them, by key and by a query, until it is killed or told to end: as one
 * release of an application, which stages the entity, or as another one, which writes it by SQL. Its journal says what
 * it was about to add, what was acknowledged and when, and which sums it saw.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { raw, type MikroORM } from '@mikro-orm/postgresql';
import { Spillway, SpillwayError } from '@spillway/core';
import { JournalWriter, type Tallied } from '../support/journal.js';
import { below, randomOf } from '../support/random.js';
import { openTallies, Tally } from './tallies.js';
import { readSettings, type TallySettings } from './settings.js';

const settings = readSettings() as TallySettings;
const { lanes, role, rows, seed } = settings;
const journal = new JournalWriter(settings.journal);
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());

/** One clock for all processes of a machine. */
const now = (): string => String(process.hrtime.bigint());

const orm = await openTallies(settings, role);
journal.write({ kind: 'ready' });
await Promise.all(Array.from({ length: lanes }, async (_, lane) => work(orm, randomOf(seed * 1_000 + lane))));
const { left } = await Spillway.of(orm).stop();
await orm.close();
journal.write({ kind: 'stopped', left });

async function work(site: MikroORM, random: () => number): Promise<void> {
  while (!ending.signal.aborted) {
    const row = rows[below(random, rows.length)] as string;
    try {
      if (below(random, 2) === 0) await add(site, row, 1 + below(random, 3));
      else await read(site, row, below(random, 4) === 0);
    } catch (error) {
      journal.write({ kind: 'failed', work: row, error: String(error) });
    }
    // What is found does not depend on how much there is, and whoever looks reads all of the journal.
    await pause(10);
  }
}

async function add(site: MikroORM, row: string, amount: number): Promise<void> {
  const note = (kind: Tallied['kind']): void => journal.write({ kind, row, amount, at: now() });
  note('adds');
  try {
    if (role === 'stages' || role === 'off') await Spillway.of(site).increment(Tally, row, { hits: amount });
    else await site.em.fork().nativeUpdate(Tally, { id: row }, { hits: raw<number>('hits + ?', [amount]) });
  } catch (error) {
    // These say that nothing was done; whatever else goes wrong leaves it in doubt.
    if (error instanceof SpillwayError && ['POLICY_MISMATCH', 'DRAIN_TIMEOUT'].includes(error.code)) note('refused');
    throw error;
  }
  note('added');
}

async function read(site: MikroORM, row: string, byQuery: boolean): Promise<void> {
  const at = now();
  const found = byQuery
    ? await site.em.fork().find(Tally, { hits: { $gte: 0 } })
    : [await site.em.fork().findOneOrFail(Tally, row)];
  for (const { id, hits } of found) journal.write({ kind: 'read', row: id, amount: hits, at });
}
