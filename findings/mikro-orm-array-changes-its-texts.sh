#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/postgresql 7.2.5, a property of the type `array` (text[]): the text 'null' (and
# 'NULL') is written as the array literal {null}, and comes back as null; ' s ' comes back without its spaces; a line break
# in a text that also has a comma comes back as the letter n, a tab as t. Only texts with one of "{},\ are quoted, and those as
# JSON does it, whose escapes PostgreSQL does not read. Nothing is refused. Needs npm.
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

const Note = new EntitySchema({
  name: 'Note',
  properties: { id: { type: 'integer', primary: true }, words: { type: 'array' } },
});
const orm = await start([Note]);
const seen = [];
let id = 0;
console.log(`@mikro-orm/core ${version}, an array of one text, flushed and read again:`);
for (const word of ['a', 'a,b', 'null', 'NULL', ' s ', 'a,\nb', '{\t}']) {
  const em = orm.em.fork();
  em.create(Note, { id: ++id, words: [word] });
  await em.flush();
  const [read] = (await orm.em.fork().findOneOrFail(Note, id)).words;
  console.log(`  ${JSON.stringify(word)} became ${JSON.stringify(read)}`);
  seen.push(read);
}
await end(orm);
process.exitCode = JSON.stringify(seen) === JSON.stringify(['a', 'a,b', null, null, 's', 'a,nb', '{t}']) ? 0 : 1;
JS
node show.mjs
