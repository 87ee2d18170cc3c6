import { beforeEach, describe, expect, it } from 'vitest';
import { StopClock } from '../../../src/flush/stop-clock.js';
import { VirtualTime } from './virtual-time.js';

const never = new Promise<never>(() => {});

let time: VirtualTime;
beforeEach(() => {
  time = new VirtualTime();
});

describe('the clock of a stop', () => {
  it('waits for an answer as long as there is time, less what is reserved', async () => {
    const clock = new StopClock(1_000, time.scheduler);
    expect(await time.until(clock.wait(time.wait(300).then(() => 'answer')))).toBe('answer');
    expect(time.now).toBe(300);
    expect(clock.leftMs).toBe(700);
    expect(await time.until(clock.wait(never, 200))).toBeUndefined();
    expect(time.now).toBe(800);
    expect(await time.until(clock.wait(never))).toBeUndefined();
    expect(time.now).toBe(1_000);
    expect(clock.leftMs).toBe(0);
  });

  it('takes a rejection for no answer, and is not disturbed by one that comes late', async () => {
    const clock = new StopClock(1_000, time.scheduler);
    expect(await time.until(clock.wait(Promise.reject(new Error('no'))))).toBeUndefined();
    expect(time.now).toBeLessThan(10);
    const late = time.wait(2_000).then(() => {
      throw new Error('too late');
    });
    expect(await time.until(clock.wait(late))).toBeUndefined();
    await time.advance(2_000);
  });

  it('can be brought forward while somebody waits, and never put off', async () => {
    const clock = new StopClock(10_000, time.scheduler);
    const waiting = [clock.wait(never), clock.wait(never, 100)];
    await time.advance(100);
    clock.bringForward(60_000);
    expect(clock.leftMs).toBe(9_900);
    clock.bringForward(500);
    await time.until(Promise.all(waiting));
    expect(time.now).toBe(600);
  });

  it('leaves no timer behind', async () => {
    const clock = new StopClock(10_000, time.scheduler);
    await time.until(clock.wait(time.wait(5)));
    clock.bringForward(100);
    expect(time.scheduler.actions).toEqual([]);
  });
});
