#!/usr/bin/env bash
# @mikro-orm/core and @mikro-orm/pglite 7.2.1: the numbers NaN and Infinity, which `double precision` has, are written into
# the statement without quotes. PostgreSQL reads a name, and answers 42703, "column does not exist". The texts 'NaN' and
# 'Infinity' would be taken. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @mikro-orm/core@7.2.1 @mikro-orm/pglite@7.2.1 @electric-sql/pglite@0.5.17
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { EntitySchema, MikroORM } from '@mikro-orm/pglite';

const { version } = JSON.parse(readFileSync('node_modules/@mikro-orm/core/package.json', 'utf8'));
const Reading = new EntitySchema({
  name: 'Reading',
  properties: { id: { type: 'integer', primary: true }, degrees: { type: 'double' } },
});
const orm = await MikroORM.init({ entities: [Reading], dbName: 'memory://', logger: () => {} });
await orm.schema.create();

async function written(id, degrees) {
  const em = orm.em.fork();
  em.create(Reading, { id, degrees });
  return em.flush().then(
    () => 'written',
    (error) => `${error.code}: ${error.message.split(' - ').at(-1)}`,
  );
}

const answers = [await written(1, 20.5), await written(2, Number.NaN), await written(3, Number.POSITIVE_INFINITY)];
console.log(`@mikro-orm/core ${version}, a double of 20.5, NaN, Infinity:`);
for (const answer of answers) console.log(`  ${answer}`);
await orm.close();
process.exitCode = answers[0] === 'written' && answers.slice(1).every((answer) => answer.startsWith('42703')) ? 0 : 1;
JS
node show.mjs
