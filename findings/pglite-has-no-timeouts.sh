#!/usr/bin/env bash
# PGlite 0.5.17 (PostgreSQL 18): `set statement_timeout = 50` and `set transaction_timeout = 50` are taken without a notice,
# and `show` names them, but nothing is ever ended: neither pg_sleep(0.3) nor a query that counts for longer than that, nor
# a transaction. A server answers 57014 and 25P04. A test of timeouts on PGlite passes without one. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @electric-sql/pglite@0.5.17
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';

const { version } = JSON.parse(readFileSync('node_modules/@electric-sql/pglite/package.json', 'utf8'));
const db = await PGlite.create();
const notices = [];
async function ran(name, work) {
  const start = performance.now();
  const answer = await work().then(() => 'done', (error) => error.code);
  const took = performance.now() - start;
  console.log(`  ${name}: ${answer} after ${Math.round(took)} ms`);
  return answer === 'done' && took > 100;
}
const onNotice = (notice) => notices.push(notice.message);
await db.query('set statement_timeout = 50', [], { onNotice });
const shown = Object.values((await db.query('show statement_timeout')).rows[0]);
console.log(`PGlite ${version}, statement_timeout ${shown}, notices: ${notices.length}`);
const isSleepDone = await ran('pg_sleep(0.3)', () => db.query('select pg_sleep(0.3)'));
const isCountDone = await ran('a long count', () => db.query('select count(md5(n::text)) from generate_series(1, 1000000) as n'));
await db.query('set statement_timeout = 0');
await db.query('set transaction_timeout = 50', [], { onNotice });
const isTransactionDone = await ran('a transaction, with transaction_timeout', () =>
  db.transaction(async (tx) => {
    await tx.query('select pg_sleep(0.3)');
    await tx.query('select 1');
  }),
);
await db.close();
const isAsSeen = shown[0] === '50ms' && notices.length === 0 && isSleepDone && isCountDone && isTransactionDone;
process.exitCode = isAsSeen ? 0 : 1;
JS
node show.mjs
