#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/postgresql 7.2.5, `em.find(..., { cache: 60_000 })` with the result cache that is
# built in: what comes from the cache is not what came from the database. A bigint is a text ('5' and not 5n). A Date and a JSON
# object are the cache's own: what one entity manager changes in them, without a flush, is what the next one reads.
# Needs npm.
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
  count: { type: 'bigint' },
  at: { type: 'datetime' },
  data: { type: 'json' },
};
const Note = new EntitySchema({ name: 'Note', properties });
const orm = await start([Note]);
const em = orm.em.fork();
em.create(Note, { id: 1, count: 5n, at: new Date('2020-01-01T00:00:00Z'), data: { by: 'me' } });
await em.flush();

const read = async () => (await orm.em.fork().find(Note, { id: 1 }, { cache: 60_000 }))[0];
const told = ({ count, at, data }) => `${typeof count} ${count}, ${at.getUTCFullYear()}, ${data.by}`;
const seen = [told(await read()), told(await read())];
const changed = await read();
changed.at.setUTCFullYear(1999);
changed.data.by = 'nobody';
seen.push(told(await read()));
console.log(`@mikro-orm/core ${version}, a bigint, a Date and a JSON object:`);
console.log(`  from the database: ${seen[0]}`);
console.log(`  from the cache: ${seen[1]}`);
console.log(`  from the cache, after another reader changed its own: ${seen[2]}`);
await end(orm);
const expected = ['bigint 5, 2020, me', 'string 5, 2020, me', 'string 5, 1999, nobody'];
process.exitCode = JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1;
JS
node show.mjs
