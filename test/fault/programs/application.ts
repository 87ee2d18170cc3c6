/**
 * An application under load: several units of work at once, each over rows of its own, until it is told to end. Its
 * journal says what it was about to do, and what `em.flush()` has acknowledged.
 */
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { openRedisStaging } from '@spillway/core/testing';
import { JournalWriter } from '../support/journal.js';
import { randomOf } from '../support/random.js';
import { dyingStore } from './dying-store.js';
import { Lane } from './lane.js';
import { readSettings, type ApplicationSettings } from './settings.js';
import { openSite } from './site.js';

const settings = readSettings() as ApplicationSettings;
const { dieAt, lanes, name, redisUrl, seed, worker } = settings;
const journal = new JournalWriter(settings.journal);
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());

const orm = await openSite(settings, {
  spillway: {
    worker,
    ...(dieAt && { staging: async (own) => dyingStore(await openRedisStaging({ redis: redisUrl, ...own }), dieAt) }),
  },
});
await Spillway.of(orm).start();
journal.write({ kind: 'ready' });
await Promise.all(Array.from({ length: lanes }, async (_, number) => work(orm, number)));
const { left } = await Spillway.of(orm).stop();
await orm.close();
journal.write({ kind: 'stopped', left });

async function work(site: MikroORM, number: number): Promise<void> {
  const lane = new Lane(`${name}.${number}`, randomOf(seed * 1_000 + number), site, journal);
  while (!ending.signal.aborted) await lane.next();
}
