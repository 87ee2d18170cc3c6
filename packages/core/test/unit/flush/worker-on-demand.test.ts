import { expect, test } from 'vitest';
import { StopClock } from '../../../src/flush/stop-clock.js';
import { monotonicScheduler } from '../../../src/flush/monotonic-scheduler.js';
import type { FlushWorker } from '../../../src/flush/worker.js';
import { WorkerOnDemand } from '../../../src/flush/worker-on-demand.js';

/** A worker that notes what it is asked, and how many of it were made. */
function onDemand(next: readonly (number | undefined)[] = []) {
  const calls: string[] = [];
  let made = 0;
  const worker = {
    start: () => void calls.push('start'),
    wake: () => void calls.push('wake'),
    unsettled: () => void calls.push('unsettled'),
    drain: async () => ({ left: 0 }),
    stop: async () => ({ left: 0 }),
    blockedBy: ['something'],
    isStopping: false,
  } as unknown as FlushWorker;
  const looks = { due: { next: async () => next } } as unknown as ConstructorParameters<typeof WorkerOnDemand>[0];
  const make = (): FlushWorker => {
    made += 1;
    return worker;
  };
  return { worker: new WorkerOnDemand(looks, make), calls, made: () => made };
}

const clock = (): StopClock => new StopClock(1_000, monotonicScheduler);

test('a process that stages, reads and stops without draining makes no worker, and says what is left', async () => {
  const { worker, calls, made } = onDemand([0, undefined, 20]);
  worker.wake([1]);
  expect(worker.blockedBy).toEqual([]);
  expect(await worker.stop({ drain: false }, clock())).toEqual({ left: 2 });
  expect(worker.isStopped).toBe(true);
  expect(calls).toEqual([]);
  expect(made()).toBe(0);
});

test('one worker is made for everything that is flushed, and it is told what is staged from then on', async () => {
  const { worker, calls, made } = onDemand();
  worker.wake([1]);
  await worker.drain({ kind: 'all' }, { timeoutMs: 1_000 });
  worker.start();
  worker.wake([1]);
  worker.unsettled([2]);
  expect(worker.blockedBy).toEqual(['something']);
  expect(calls).toEqual(['start', 'wake', 'unsettled']);
  expect(made()).toBe(1);
});

test('what was stopped before anything was flushed refuses to drain and to start', async () => {
  const { worker, made } = onDemand();
  await worker.stop({ drain: false }, clock());
  await expect(worker.drain({ kind: 'all' }, { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'STOPPED' });
  expect(() => worker.start()).toThrow(/has been stopped/);
  worker.unsettled([1]);
  expect(made()).toBe(0);
});

test('a stop that drains makes the worker that drains', async () => {
  const { worker, made } = onDemand();
  await worker.stop({ drain: true }, clock());
  expect(made()).toBe(1);
});
