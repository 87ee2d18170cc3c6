#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/postgresql 7.2.5: new entities are inserted by one statement, and the first of
# them decides what `returning` brings back for all. If the first has its own `at`, and the second leaves it to the database,
# the second has no `at` after the flush, though its row has. If the first has its own serial key and the second none, the
# second entity has no key after the flush. With the two in the other order both have all. Needs npm.
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
  id: { type: 'integer', primary: true, autoincrement: true },
  at: { type: 'datetime', defaultRaw: 'now()' },
};
const Visit = new EntitySchema({ name: 'Visit', properties });
const orm = await start([Visit]);

async function flushed(values) {
  const em = orm.em.fork();
  const visits = values.map((value) => em.create(Visit, value));
  await em.flush();
  return visits.map(({ id, at }) => `${id === undefined ? 'no id' : 'id'} ${at === undefined ? 'no at' : 'at'}`).join(', ');
}

const at = new Date('2020-01-01T00:00:00Z');
const seen = [
  await flushed([{ id: 101, at }, { id: 102 }]),
  await flushed([{ id: 103 }, { id: 104, at }]),
  await flushed([{ id: 105 }, {}]),
  await flushed([{}, { id: 106 }]),
];
const rows = await orm.em.fork().getConnection().execute('select id from visit where at is null');
console.log(`@mikro-orm/core ${version}, two new entities, flushed together:`);
console.log(`  own at, then the database's: ${seen[0]}`);
console.log(`  the database's at, then own: ${seen[1]}`);
console.log(`  own id, then the database's: ${seen[2]}`);
console.log(`  the database's id, then own: ${seen[3]}`);
console.log(`  rows without at: ${rows.length}`);
await end(orm);
const expected = ['id at, id no at', 'id at, id at', 'id at, no id at', 'id at, id at'];
process.exitCode = String(seen) === String(expected) && rows.length === 0 ? 0 : 1;
JS
node show.mjs
