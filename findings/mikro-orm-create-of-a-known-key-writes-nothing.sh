#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/postgresql 7.2.5: `em.create` with a key that the entity manager already knows,
# loaded or only as a reference, gives the known entity with the new values, and the flush writes nothing: they count as what
# the row has. After `em.remove` it also takes the removal back, so that a row replaced in one flush stays as it was. And a
# Date or a Buffer that was loaded and is changed in place is not written; one that was created and flushed is. Needs npm.
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
  at: { type: 'datetime' },
  bytes: { type: 'blob' },
};
const Note = new EntitySchema({ name: 'Note', properties });
const orm = await start([Note]);
const old = () => ({ text: 'old', at: new Date('2020-01-01T00:00:00Z'), bytes: Buffer.from([1]) });

const ways = {
  'create of a loaded key': async (em) => {
    await em.findOneOrFail(Note, 1);
    return em.create(Note, { ...old(), id: 1, text: 'new' });
  },
  'create of a referenced key': async (em) => {
    em.getReference(Note, 1);
    return em.create(Note, { ...old(), id: 1, text: 'new' });
  },
  'remove and create': async (em) => {
    em.remove(await em.findOneOrFail(Note, 1));
    return em.create(Note, { ...old(), id: 1, text: 'new' });
  },
  'remove, flush, and create': async (em) => {
    em.remove(await em.findOneOrFail(Note, 1));
    await em.flush();
    return em.create(Note, { ...old(), id: 1, text: 'new' });
  },
  'a Date and a Buffer changed in place': async (em) => {
    const note = await em.findOneOrFail(Note, 1);
    note.at.setUTCFullYear(2001);
    note.bytes[0] = 2;
    return note;
  },
};
const told = ({ text, at, bytes }) => `${text} ${at.getUTCFullYear()} ${bytes[0]}`;
const seen = [];
console.log(`@mikro-orm/core ${version}, the entity after the flush, and the row:`);
for (const [name, way] of Object.entries(ways)) {
  await orm.em.fork().nativeDelete(Note, {});
  await orm.em.fork().insert(Note, { id: 1, ...old() });
  const em = orm.em.fork();
  const entity = await way(em);
  await em.flush();
  const line = `${told(entity)}, and ${told(await orm.em.fork().findOneOrFail(Note, 1))}`;
  console.log(`  ${name}: ${line}`);
  seen.push(line);
}
await end(orm);
const lost = 'new 2020 1, and old 2020 1';
const expected = [lost, lost, lost, 'new 2020 1, and new 2020 1', 'old 2001 2, and old 2020 1'];
process.exitCode = JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1;
JS
node show.mjs
