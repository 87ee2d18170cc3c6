/**
 * `npm run files-touched`: which files of `packages/core` run while one insert is flushed, staged in Redis and written
 * to PostgreSQL by a worker: how far one has to read to follow a change. `--list` names them. Starts servers.
 *
 * The flush is that of a process whose worker is elsewhere (`worker: false`), as web processes have it. Where the
 * process has a worker, the flush wakes it too: what runs for that alone is a line of its own.
 */
import { Session, type Profiler } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway, Spillway, type SpillwayOptions, WriteBehind } from '@spillway/core';
import { settingsOfTests } from '../../tools/servers/postgres.mjs';
import { startServers } from '../../tools/servers/servers.mjs';

const sources = new URL('../../packages/core/src/', import.meta.url).href;
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const isQuiet = !process.argv.includes('--list');

const Page = defineEntity({ name: 'Page', properties: { id: p.integer().primary(), title: p.text() } });
WriteBehind({ debounce: '1h', maxDelay: '1h' })(Page.class);

const servers = await startServers({ postgresSettings: settingsOfTests });
const session = new Session();
let pages = 0;
try {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const staged = await inProcess({ worker: false }, async (orm) => touchedBy(async () => flushed(orm)));
  await inProcess({}, async (orm) => {
    const woken = await touchedBy(async () => flushed(orm));
    const written = await touchedBy(async () => Spillway.of(orm).drain());
    report('em.flush() of one insert', staged);
    report('what wakes the worker', without(woken, staged), 'more');
    report('the drain that writes it', written);
  });
} finally {
  session.disconnect();
  await servers.stop();
}

/** Runs an act as the process does that has such a worker, or none. */
async function inProcess<T>(options: Pick<SpillwayOptions, 'worker'>, act: (orm: MikroORM) => Promise<T>): Promise<T> {
  const orm = await MikroORM.init({
    entities: [Page],
    clientUrl: servers.env.DATABASE_URL,
    extensions: [
      spillway({ redis: servers.env.REDIS_URL, namespace: 'touched', tables: { ensure: true }, ...options }),
    ],
  });
  try {
    await orm.schema.ensureDatabase();
    await orm.schema.update();
    // The first flush opens and describes everything; the second one is what happens from then on.
    await flushed(orm);
    await Spillway.of(orm).drain();
    return await act(orm);
  } finally {
    await orm.close();
  }
}

async function flushed(orm: MikroORM): Promise<void> {
  const em = orm.em.fork();
  em.create(Page, { id: (pages += 1), title: 'Home' });
  await em.flush();
}

/** The files with a function that has run meanwhile, from the sources of the package. */
async function touchedBy(act: () => Promise<unknown>): Promise<readonly string[]> {
  await session.post('Profiler.takePreciseCoverage');
  await act();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url, functions }) => url.startsWith(sources) && functions.some(hasRun))
    .map(({ url }) => fileURLToPath(url).slice(fileURLToPath(sources).length))
    .toSorted();
}

function hasRun({ functionName, ranges }: Profiler.FunctionCoverage): boolean {
  return functionName !== '' && ranges.some(({ count }) => count > 0);
}

function without(files: readonly string[], others: readonly string[]): readonly string[] {
  return files.filter((file) => !others.includes(file));
}

function report(what: string, files: readonly string[], unit: 'files' | 'more' = 'files'): void {
  write(`${what}: ${files.length} ${unit}`);
  if (!isQuiet) for (const file of files) write(`  ${file}`);
}
