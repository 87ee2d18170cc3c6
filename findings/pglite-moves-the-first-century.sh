#!/usr/bin/env bash
# PGlite 0.5.17 (PostgreSQL 18): a `timestamp` or `timestamptz` before the year 100 comes as another date. '0001-06-15' is
# 15 June 2001 no more than 15 June 1: it is 6 January 2015. '0044-06-15' is in 2044, '0050-06-15' in 1950, '0013-06-15' and any
# date BC an Invalid Date. A `date` is right, other than BC, and so is the text in the database. pg 8.23.1 gives the right
# dates for the same texts. No error anywhere. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @electric-sql/pglite@0.5.17 pg@8.23.1
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';

const { version } = JSON.parse(readFileSync('node_modules/@electric-sql/pglite/package.json', 'utf8'));
const told = (date) => (Number.isNaN(date.getTime()) ? String(date) : date.toISOString().slice(0, 10));
const db = await PGlite.create();
const expected = {
  '0001-06-15': '2015-01-06',
  '0013-06-15': 'Invalid Date',
  '0044-06-15': '2044-06-15',
  '0050-06-15': '1950-06-15',
  '0100-06-15': '0100-06-15',
  '0044-03-15 BC': 'Invalid Date',
};
let isAsSeen = true;
console.log(`PGlite ${version}, a timestamptz at noon, the text of the database, pg's reading of it:`);
for (const [text, wanted] of Object.entries(expected)) {
  const [day, era = ''] = text.split(' ');
  const sql = `select at, at::text as text from (select ($1::text)::timestamptz as at) as t`;
  const [{ at, text: kept }] = (await db.query(sql, [`${day} 12:00:00+00 ${era}`])).rows;
  const right = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ)(kept);
  console.log(`  ${text}: ${told(at)}; ${kept}; ${right.toISOString()}`);
  isAsSeen &&= told(at) === wanted && kept.startsWith(day) && Math.abs(right.getUTCFullYear()) < 101;
}
const [{ day }] = (await db.query(`select '0001-06-15'::date as day`)).rows;
console.log(`  a date: ${told(day)}`);
await db.close();
process.exitCode = isAsSeen && told(day) === '0001-06-15' ? 0 : 1;
JS
TZ=UTC node show.mjs
