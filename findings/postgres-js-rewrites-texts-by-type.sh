#!/usr/bin/env bash
# postgres.js 3.4.9 before PostgreSQL 18 (as PGlite 0.5.14): a parameter that is already the text of its type is not sent as it is.
# For boolean, 'true', 't', 'yes' and 1 are sent as false: only the value true is true. For timestamptz the microseconds of a text
# are cut to milliseconds, for timestamp a text is read in the process's time zone and moved to UTC, and 'infinity' throws a
# RangeError. PostgreSQL takes all of these texts as they are. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --legacy-peer-deps postgres@3.4.9 \
  @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import postgres from 'postgres';

const { version } = JSON.parse(readFileSync('node_modules/postgres/package.json', 'utf8'));
const db = await PGlite.create();
const server = new PGLiteSocketServer({ db, port: 0, host: '127.0.0.1' });
await server.start();
const url = `postgres://postgres:postgres@${server.getServerConn()}/postgres`;

const cases = [
  ['boolean', true, 'true'],
  ['boolean', 'true', 'false'],
  ['boolean', 't', 'false'],
  ['boolean', 'yes', 'false'],
  ['boolean', 1, 'false'],
  ['timestamptz', '2020-01-01 00:00:00.123456+00', '2020-01-01 00:00:00.123+00'],
  ['timestamp', '2020-01-01 00:00:00', '2020-01-01 05:00:00'],
  ['timestamptz', 'infinity', 'RangeError'],
];
const statement = (type) => `select $1::${type}::text as kept`;

const sql = postgres(url, { max: 1 });
const seen = [];
for (const [type, value] of cases) {
  seen.push(await sql.unsafe(statement(type), [value]).then(([{ kept }]) => kept, (error) => error.name));
}
await sql.end();
await server.stop();
const others = [];
for (const [type, value] of cases) {
  others.push((await db.query(`select '${value}'::${type}::text as kept`)).rows[0].kept);
}
await db.close();

console.log(`What the database got from postgres.js ${version} in New York, and what it makes of the text:`);
cases.forEach(([type, value], at) => console.log(`  ${JSON.stringify(value)} as ${type}: ${seen[at]}, and ${others[at]}`));
const isOtherRight = cases.every(([type, value], at) => others[at] === (type === 'boolean' ? 'true' : value));
process.exitCode = isOtherRight && cases.every(([, , wanted], at) => seen[at] === wanted) ? 0 : 1;
JS
TZ=America/New_York node show.mjs
