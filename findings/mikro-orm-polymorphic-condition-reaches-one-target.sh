#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/pglite 7.2.1: a condition on a property that all targets of a
# polymorphic relation have (`{ subject: { name: "Ada" } }`) joins one target. Rows that refer to another target are
# not found, and nothing is refused. The target is not the first one of the relation's list, but the entity that was
# discovered first: the same query finds another row when the ORM's list of entities has another order. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @mikro-orm/core@7.2.1 @mikro-orm/sql@7.2.1 @mikro-orm/pglite@7.2.1 @electric-sql/pglite@0.5.8
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/pglite';

const { version } = JSON.parse(readFileSync('node_modules/@mikro-orm/core/package.json', 'utf8'));

/** The notes about somebody or something that is called Ada, and the tables that the statement names. */
async function foundWith(inOrder) {
  const Person = defineEntity({ name: 'Person', properties: { id: p.integer().primary(), name: p.string() } });
  const Club = defineEntity({ name: 'Club', properties: { id: p.integer().primary(), name: p.string() } });
  const Note = defineEntity({
    name: 'Note',
    properties: { id: p.integer().primary(), subject: () => p.manyToOne([Club, Person]) },
  });
  const said = [];
  const orm = await MikroORM.init({
    entities: inOrder(Person, Club, Note),
    dbName: 'memory://',
    debug: ['query'],
    colors: false,
    logger: (line) => said.push(line),
  });
  await orm.schema.create();
  const em = orm.em.fork();
  em.create(Note, { id: 1, subject: em.create(Person, { id: 1, name: 'Ada' }) });
  em.create(Note, { id: 2, subject: em.create(Club, { id: 2, name: 'Ada' }) });
  await em.flush();
  said.length = 0;
  const notes = await orm.em.fork().find(Note, { subject: { name: 'Ada' } });
  const tables = ['person', 'club'].filter((table) => said.some((line) => line.includes(`join "${table}"`)));
  await orm.close();
  return `notes ${notes.map(({ id }) => id).join(', ')}, joined with ${tables.join(' and ')}`;
}

const seen = {
  'Person, Club, Note': await foundWith((person, club, note) => [person, club, note]),
  'Club, Person, Note': await foundWith((person, club, note) => [club, person, note]),
};
console.log(`@mikro-orm/core ${version}, two notes about an Ada, asked for both; by the order of the entities:`, seen);
const expected = ['notes 1, joined with person', 'notes 2, joined with club'];
process.exitCode = Object.values(seen).join() === expected.join() ? 0 : 1;
JS
node show.mjs
