import type { FlushStep } from '@spillway/core/testing';
import { describe, expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';
import { breakGround, type Ground } from './support/ground.js';
import { Programs } from './support/programs.js';

/**
 * In the order of a flush: before the claim and after it, before the commit and after it (F3, F5), and when one shard
 * of several has been acknowledged.
 */
const STEPS: readonly FlushStep[] = ['begun', 'claimed', 'checked', 'written', 'committed', 'acknowledged'];

describe.each(STEPS)('kill -9 of a worker when the step "%s" of a flush is done', (step) => {
  test('loses nothing and writes nothing twice: another worker goes on at once', async () => {
    await using ground = await breakGround();
    await using programs = new Programs();
    await stageFirst(ground);
    await ground.spillway.drain();
    const writes = await ground.noteWrites();
    await stageChanges(ground);

    const dying = programs.worker({ ...ground.place, dieAfter: { step, time: 1 } });
    await dying.endsWith('SIGKILL');
    await stageMore(ground);
    const next = programs.worker(ground.place);
    await ground.settled();

    expect(await ground.rows()).toEqual({
      pages: [
        { id: 'page 0', hits: 10 + 1 + 5 + 100 },
        { id: 'page 1', hits: 11 + 1 + 5 + 100 },
        { id: 'page 2', hits: 12 + 1 + 5 },
        { id: 'page 3', hits: 13 + 1 + 5 },
        { id: 'page new', hits: 7 },
      ],
      items: [
        { id: 'changed 0', text: 'again', version: 3 },
        { id: 'changed 1', text: 'changed', version: 2 },
        { id: 'changed 2', text: 'changed', version: 2 },
        { id: 'made 0', text: 'edited', version: 2 },
        { id: 'made 2', text: 'made', version: 1 },
        { id: 'removed 0', text: 'back', version: 2 },
      ],
    });
    // Every row whose change was in one record has been written by one committed statement.
    const once = ['page 2', 'page 3', 'page new', 'changed 1', 'changed 2', 'made 2', 'removed 1', 'removed 2'];
    const counts = await writes();
    expect(once.map((id) => [id, counts.get(id)])).toEqual(once.map((id) => [id, 1]));

    next.signal('SIGTERM');
    await next.endsWith(0);
  });
});

async function stageFirst({ orm }: Ground): Promise<void> {
  const em = orm.em.fork();
  for (let number = 0; number < 4; number++) em.create(Page, { id: `page ${number}`, hits: 10 + number });
  for (let number = 0; number < 3; number++) {
    em.create(Item, { id: `changed ${number}`, text: 'first' });
    em.create(Item, { id: `removed ${number}`, text: 'first' });
  }
  await em.flush();
}

/** Everything that the dying worker finds: inserts, increments of both kinds, updates with a version, and removals. */
async function stageChanges({ orm, spillway }: Ground): Promise<void> {
  const em = orm.em.fork();
  for (let number = 0; number < 3; number++) {
    em.create(Item, { id: `made ${number}`, text: 'made' });
    (await em.findOneOrFail(Item, `changed ${number}`)).text = 'changed';
    em.remove(await em.findOneOrFail(Item, `removed ${number}`));
  }
  for (let number = 0; number < 4; number++) (await em.findOneOrFail(Page, `page ${number}`)).hits += 1;
  em.create(Page, { id: 'page new', hits: 7 });
  await em.flush();
  for (let number = 0; number < 4; number++) await spillway.increment(Page, `page ${number}`, { hits: 5 });
}

/** On top of it, while nobody knows what has become of it: on rows that were in the batch. */
async function stageMore({ orm, spillway }: Ground): Promise<void> {
  const em = orm.em.fork();
  (await em.findOneOrFail(Item, 'changed 0')).text = 'again';
  (await em.findOneOrFail(Item, 'made 0')).text = 'edited';
  em.remove(await em.findOneOrFail(Item, 'made 1'));
  expect(await em.findOne(Item, 'removed 0')).toBeNull();
  em.create(Item, { id: 'removed 0', text: 'back' });
  await em.flush();
  await spillway.increment(Page, 'page 0', { hits: 100 });
  await spillway.increment(Page, 'page 1', { hits: 100 });
}
