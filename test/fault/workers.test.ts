import { Spillway } from '@spillway/core';
import { eventually, postgres } from '@spillway/test-support';
import { describe, expect, test } from 'vitest';
import { Item, Page } from './programs/site.js';
import { compare } from './support/compare.js';
import { breakGround, type Ground } from './support/ground.js';
import { doneIn } from './support/journal.js';
import { Programs, type Program } from './support/programs.js';

async function stageItems({ orm }: Pick<Ground, 'orm'>, count: number): Promise<void> {
  const em = orm.em.fork();
  for (let number = 0; number < count; number++) em.create(Item, { id: `item ${number}`, text: 'made' });
  await em.flush();
}

async function worked(application: Program, units: number): Promise<void> {
  const done = (): number => doneIn(application.journal()).size;
  await eventually(() => done() >= units, { what: `${units} units of work`, timeoutMs: 30_000 });
}

function leftIn(program: Program): number | undefined {
  const last = program.journal().at(-1);
  expect(last?.kind).toBe('stopped');
  return last?.kind === 'stopped' ? last.left : undefined;
}

describe('F9: of two workers on one shard', () => {
  test('one commits: while one holds the shard, the other one passes it by', async () => {
    await using ground = await breakGround({ shards: 1 });
    const writes = await ground.noteWrites();
    await stageItems(ground, 20);
    const gate = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const first = await ground.open({}, async (step) => {
      if (step !== 'claimed') return;
      held.resolve();
      await gate.promise;
    });
    await Spillway.of(first).start();
    await held.promise;
    let attempts = 0;
    const second = await ground.open({}, async (step) => {
      if (step === 'checked') attempts += 1;
    });
    const written: number[] = [];
    Spillway.of(first).on('written', ({ records }) => written.push(records));
    Spillway.of(second).on('written', () => written.push(Number.NaN));
    await Spillway.of(second).start();
    await eventually(() => attempts >= 2, { what: 'the second worker to have tried twice' });
    expect(await ground.rows()).toEqual({ pages: [], items: [] });
    gate.resolve();
    await ground.settled();
    expect(written).toEqual([20]);
    expect([...(await writes()).values()]).toEqual(Array.from({ length: 20 }, () => 1));
  });

  test('each writes what it claims, under load, and the sums are exact', async () => {
    await using ground = await breakGround({ shards: 1 });
    await using programs = new Programs();
    programs.worker(ground.place);
    programs.worker(ground.place);
    const application = programs.application({ ...ground.place, name: 'app', seed: 9, lanes: 4, worker: true });
    await worked(application, 500);
    application.signal('SIGTERM');
    await application.endsWith(0);
    await ground.settled();
    expect(compare([application.journal()], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
  });
});

describe('F7: on SIGTERM', () => {
  test('an application under load stops, writes all that it has staged, and exits with 0', async () => {
    await using ground = await breakGround();
    await using programs = new Programs();
    const application = programs.application({ ...ground.place, name: 'app', seed: 7, lanes: 4, worker: true });
    await worked(application, 200);
    application.signal('SIGTERM');
    await application.endsWith(0);
    expect(leftIn(application)).toBe(0);
    expect(compare([application.journal()], await ground.rows())).toMatchObject({ doubtful: 0, wrong: [] });
  });

  test('a worker that cannot write stops at its deadline, says what is left, and exits with 0; the next worker writes it', async () => {
    await using server = await postgres();
    await using ground = await breakGround({ servers: { databaseUrl: server.url }, shards: 1 });
    await using programs = new Programs();
    const worker = programs.worker({ ...ground.place, stopTimeoutMs: 50 });
    await worker.ready();
    await ground.spillway.start();
    await server.kill9();
    await stageItems(ground, 10);
    worker.signal('SIGTERM');
    await worker.endsWith(0);
    expect(leftIn(worker)).toBe(1);
    await server.restart();
    programs.worker(ground.place);
    await ground.settled();
    expect((await ground.rows()).items).toHaveLength(10);
  });

  test('a second signal ends a worker that is still draining at once', async () => {
    await using server = await postgres();
    await using ground = await breakGround({ servers: { databaseUrl: server.url }, shards: 1 });
    await using programs = new Programs();
    const worker = programs.worker({ ...ground.place, stopTimeoutMs: 600_000 });
    await worker.ready();
    await ground.spillway.start();
    await server.kill9();
    const em = ground.orm.em.fork();
    em.create(Page, { id: 'page', hits: 1 });
    await em.flush();
    worker.signal('SIGTERM');
    await eventually(() => worker.journal().at(-1)?.kind === 'stopping', { what: 'the worker to be stopping' });
    worker.signal('SIGTERM');
    await worker.endsWith('SIGTERM');
    expect(worker.journal().at(-1)).toEqual({ kind: 'stopping' });
    await server.restart();
  });
});
