/** A process that only writes: it stages nothing, and flushes whatever others have staged until it is told to end. */
import { Spillway } from '@spillway/core';
import { JournalWriter } from '../support/journal.js';
import { die, readSettings, type WorkerSettings } from './settings.js';
import { openSite } from './site.js';

const settings = readSettings() as WorkerSettings;
const { dieAfter } = settings;
const journal = new JournalWriter(settings.journal);

let times = 0;
const orm = await openSite(settings, {
  steps: async (step) => {
    if (step !== dieAfter?.step) return;
    times += 1;
    if (times === dieAfter.time) await die();
  },
});
await Spillway.of(orm).start();
journal.write({ kind: 'ready' });

// A second signal finds no listener and ends the process at once.
process.once('SIGTERM', () => void stop());

async function stop(): Promise<void> {
  journal.write({ kind: 'stopping' });
  const { left } = await Spillway.of(orm).stop({ timeout: settings.stopTimeoutMs ?? 30_000 });
  await orm.close();
  journal.write({ kind: 'stopped', left });
}
