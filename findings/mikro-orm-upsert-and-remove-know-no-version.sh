#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/postgresql 7.2.5, an entity with a `version`: `em.upsert` of a row that exists
# leaves its version as it was, where `em.nativeUpdate` raises it, so that a flush of somebody who read before overwrites
# the upserted value without an OptimisticLockError. And `em.remove` compares no version: it deletes what another has changed
# since. Only the update of a flush does both. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --legacy-peer-deps @mikro-orm/core@7.2.5 @mikro-orm/sql@7.2.5 @mikro-orm/postgresql@7.2.5 \
  @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17
cat >start.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { MikroORM } from '@mikro-orm/postgresql';

export const { version } = JSON.parse(readFileSync('node_modules/@mikro-orm/core/package.json', 'utf8'));
const db = await PGlite.create();
const server = new PGLiteSocketServer({ db, port: 0, host: '127.0.0.1' });
await server.start();

export async function start(entities) {
  const clientUrl = `postgres://postgres:postgres@${server.getServerConn()}/postgres`;
  const orm = await MikroORM.init({ entities, clientUrl, pool: { min: 0, max: 1 }, logger: () => {} });
  await orm.schema.create();
  return orm;
}

export async function end(orm) {
  await orm.close(true);
  await server.stop();
  await db.close();
}
JS
cat >show.mjs <<'JS'
import { EntitySchema } from '@mikro-orm/postgresql';
import { end, start, version } from './start.mjs';

const properties = {
  id: { type: 'integer', primary: true },
  text: { type: 'string' },
  size: { type: 'integer' },
  version: { type: 'integer', version: true },
};
const Note = new EntitySchema({ name: 'Note', properties });
const orm = await start([Note]);

/** Somebody reads the row, another changes it, and the first one then writes. */
async function overtaken(other, write) {
  await orm.em.fork().nativeDelete(Note, {});
  await orm.em.fork().insert(Note, { id: 1, text: 'first', size: 1, version: 1 });
  const em = orm.em.fork();
  const note = await em.findOneOrFail(Note, 1);
  await other(orm.em.fork());
  write(note, em);
  const answer = await em.flush().then(() => 'no error', (error) => error.name);
  const [row] = await orm.em.fork().find(Note, {});
  return `${answer}, the row is ${row ? `${row.text} ${row.version}` : 'gone'}`;
}

const nativeUpdate = (em) => em.nativeUpdate(Note, { id: 1 }, { text: 'theirs' });
const upsert = (em) => em.upsert(Note, { id: 1, text: 'theirs', size: 1 });
const update = (note) => (note.text = 'mine');
const remove = (note, em) => em.remove(note);
const seen = {
  'nativeUpdate, then an update of a flush': await overtaken(nativeUpdate, update),
  'upsert, then an update of a flush': await overtaken(upsert, update),
  'nativeUpdate, then a removal': await overtaken(nativeUpdate, remove),
};
console.log(`@mikro-orm/core ${version}, the other's way and mine (text and version):`);
for (const [ways, answer] of Object.entries(seen)) console.log(`  ${ways}: ${answer}`);
await end(orm);
const expected = ['OptimisticLockError, the row is theirs 2', 'no error, the row is mine 2', 'no error, the row is gone'];
process.exitCode = JSON.stringify(Object.values(seen)) === JSON.stringify(expected) ? 0 : 1;
JS
node show.mjs
