import { setTimeout as pause } from 'node:timers/promises';
import { database, freshNamespace, redis } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { Behind, openShelf, Through } from './programs/shelf.js';
import type { Entry, Sighting, Wrote } from './support/journal.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';
import { staleSightings } from './support/stale-sightings.js';

const ROWS = 6;
const NEW = 'new';
const KILLS = 10;
const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);

test(`H4: whoever reads through the cache sees what was acknowledged before, whoever is killed (SPILLWAY_FAULT_SEED=${SEED})`, async () => {
  const db = await database();
  // What is acknowledged by staging must outlive Redis here, or rows would go back for another reason.
  await using server = await redis({ appendfsync: 'always' });
  await using programs = new Programs();
  const random = randomOf(SEED);
  const place = { databaseUrl: db.url, redisUrl: server.url, namespace: freshNamespace(), shards: 4 };
  const orm = await openShelf(place, false);
  await orm.schema.create();
  const keys = Array.from({ length: ROWS }, (_, index) => index + 1);
  for (const entity of [Through, Behind])
    await orm.em.fork().insertMany(
      entity,
      keys.map((id) => ({ id, text: NEW })),
    );
  await orm.close();

  const all: Program[] = [];
  const start = (worker: boolean): Program => {
    const program = programs.librarian({ ...place, rows: ROWS, lanes: 3, seed: below(random, 1e6), worker });
    all.push(program);
    return program;
  };
  const posts = [true, true, false, false].map((worker) => ({ worker, program: start(worker) }));
  for (let kill = 1; kill <= KILLS; kill++) {
    const post = posts[below(random, posts.length)];
    if (!post) throw new Error('There is no such post');
    await post.program.ready();
    await pause(100 + below(random, 400));
    await post.program.kill9();
    if (kill % 4 === 0) {
      await server.kill9();
      await pause(below(random, 600));
      await server.restart();
    }
    post.program = start(post.worker);
  }
  for (const { program } of posts) {
    await program.ready();
    await pause(300);
  }
  for (const { program } of posts) await program.kill9();

  const inserted = [Through, Behind].flatMap(({ name }) => keys.map((id) => insertion(`${name} ${id}`)));
  const sightings = [...inserted, ...all.flatMap((program) => program.journal().filter(isSighting))];
  const counted = (kind: Sighting['kind']): number => sightings.filter((each) => each.kind === kind).length;
  expect(staleSightings(sightings)).toEqual([]);
  expect([counted('saw') > 500, counted('wrote') > 100]).toEqual([true, true]);
  await db.drop();
}, 180_000);

/** Before all processes. */
function insertion(row: string): Wrote {
  return { kind: 'wrote', row, text: NEW, begun: '0', done: '0' };
}

function isSighting(entry: Entry): entry is Sighting {
  return entry.kind === 'saw' || entry.kind === 'wrote';
}
