/**
 * `npm run files-touched`: which files of `packages/core` run while one insert is flushed, staged in Redis and written
 * to PostgreSQL by a worker: how far one has to read to follow a change. `--list` names them. Starts servers.
 */
import { Session, type Profiler } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { spillway, Spillway, WriteBehind } from '@spillway/core';
import { settingsOfTests } from '../../tools/servers/postgres.mjs';
import { startServers } from '../../tools/servers/servers.mjs';

const sources = new URL('../../packages/core/src/', import.meta.url).href;
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const isQuiet = !process.argv.includes('--list');

const Page = defineEntity({ name: 'Page', properties: { id: p.integer().primary(), title: p.text() } });
WriteBehind({ debounce: '1h', maxDelay: '1h' })(Page.class);

const servers = await startServers({ postgresSettings: settingsOfTests });
const orm = await MikroORM.init({
  entities: [Page],
  clientUrl: servers.env.DATABASE_URL,
  extensions: [spillway({ redis: servers.env.REDIS_URL, namespace: 'touched', tables: { ensure: true } })],
});
const session = new Session();
try {
  await orm.schema.create();
  // The first flush opens and describes everything; the second one is what happens from then on.
  await flushed(1);
  await Spillway.of(orm).drain();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const staged = await touchedBy(() => flushed(2));
  const written = await touchedBy(() => Spillway.of(orm).drain());
  report('em.flush() of one insert', staged);
  report('the drain that writes it', written);
} finally {
  session.disconnect();
  await orm.close();
  await servers.stop();
}

async function flushed(id: number): Promise<void> {
  const em = orm.em.fork();
  em.create(Page, { id, title: 'Home' });
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

function report(what: string, files: readonly string[]): void {
  write(`${what}: ${files.length} files`);
  if (!isQuiet) for (const file of files) write(`  ${file}`);
}
