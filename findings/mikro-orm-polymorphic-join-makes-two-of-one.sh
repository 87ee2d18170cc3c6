#!/usr/bin/env bash
# @mikro-orm/core, @mikro-orm/sql and @mikro-orm/pglite 7.2.1: an entity manager holds two instances of one row. Two
# relations of a note lead to the same person, whose key is a uuid, and one of them is polymorphic and populated by a join.
# `note.person` and `note.subject` are then two objects. Whether the first one is loaded depends on the order of the rows.
# With select-in, or with a key that is an integer, there is one object. Needs npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @mikro-orm/core@7.2.1 @mikro-orm/sql@7.2.1 @mikro-orm/pglite@7.2.1 @electric-sql/pglite@0.5.8
cat >show.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { defineEntity, p, wrap } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/pglite';

const { version } = JSON.parse(readFileSync('node_modules/@mikro-orm/core/package.json', 'utf8'));

/** What `note.person` and `note.subject` are, of the note that has both, by strategy and order of the rows. */
async function seenWith(key, id) {
  const Person = defineEntity({ name: 'Person', properties: { id: key().primary(), name: p.string() } });
  const Club = defineEntity({ name: 'Club', properties: { id: key().primary(), name: p.string() } });
  const Note = defineEntity({
    name: 'Note',
    properties: {
      id: p.integer().primary(),
      person: () => p.manyToOne(Person).nullable(),
      subject: () => p.manyToOne([Club, Person]).nullable(),
    },
  });
  const orm = await MikroORM.init({ entities: [Person, Club, Note], dbName: 'memory://' });
  await orm.schema.create();
  const em = orm.em.fork();
  const ada = em.create(Person, { id, name: 'Ada' });
  em.create(Note, { id: 1, person: null, subject: ada });
  em.create(Note, { id: 2, person: ada, subject: ada });
  await em.flush();
  const seen = [];
  for (const strategy of ['joined', 'select-in'])
    for (const order of ['desc', 'asc']) {
      const notes = await orm.em.fork().find(Note, {}, { populate: ['subject'], strategy, orderBy: { id: order } });
      const { person, subject } = notes.find((note) => note.id === 2);
      const loaded = wrap(person).isInitialized() ? 'loaded' : 'not loaded';
      seen.push(`${strategy} ${order}: ${person === subject ? 'one object' : 'two objects'}, the person ${loaded}`);
    }
  await orm.close();
  return seen;
}

const uuids = await seenWith(p.uuid, '6f1e2a52-9c0d-4b7e-8a51-0d9d5a3c4b21');
const integers = await seenWith(p.integer, 1);
console.log(`@mikro-orm/core ${version}`, { uuids, integers });
const expected = [
  'joined desc: two objects, the person not loaded',
  'joined asc: two objects, the person loaded',
  'select-in desc: one object, the person loaded',
  'select-in asc: one object, the person loaded',
];
const others = integers.every((line) => line.endsWith('one object, the person loaded'));
process.exitCode = others && uuids.join() === expected.join() ? 0 : 1;
JS
node show.mjs
