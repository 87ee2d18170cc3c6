#!/usr/bin/env bash
# PostgreSQL 18 (as PGlite 0.5.17): a text that is no value of `tsquery`, `ltree` or `hstore` is refused with SQLSTATE 42601,
# the code of a statement that does not parse; a text that is no `integer` or `json` with 22P02. So class 42 does not prove
# that the statement is wrong: it may be one value in it, also where the value is a parameter. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @electric-sql/pglite@0.5.17
cat >show.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
import { hstore } from '@electric-sql/pglite/contrib/hstore';
import { ltree } from '@electric-sql/pglite/contrib/ltree';

const database = await PGlite.create({ extensions: { hstore, ltree } });
await database.exec('create extension hstore; create extension ltree');
const { rows } = await database.query("select current_setting('server_version') as version");
console.log(`PostgreSQL ${rows[0].version}`);

const expected = { integer: '22P02', json: '22P02', tsquery: '42601', ltree: '42601', hstore: '42601' };
const values = { integer: 'twelve', json: '{', tsquery: 'cat &', ltree: 'top left', hstore: 'colour' };
let isAsSeen = true;
for (const [type, value] of Object.entries(values)) {
  const code = await database.query(`select $1::text::${type}`, [value]).then(
    () => 'accepted',
    (error) => error.code,
  );
  console.log(`'${value}' as ${type}: ${code}`);
  isAsSeen &&= code === expected[type];
}
await database.close();
process.exitCode = isAsSeen ? 0 : 1;
JS
node show.mjs
