import { setTimeout as pause } from 'node:timers/promises';
import type { Spillway } from '@spillway/core';
import { insist } from '../shop/insist.js';
import { pendingIn } from './snapshot.js';

const deadlineMs = 120_000;
const lookEveryMs = 50;

/**
 * Until nothing is pending. A drain tries every record once; one that has to wait (its parent was written a moment
 * later, its row was locked) is left to the workers, who try it again in their own time.
 *
 * @returns how long it took, in milliseconds
 */
export async function drainAll(spillway: Spillway): Promise<number> {
  const begin = performance.now();
  const drain = () => spillway.drain(undefined, { timeout: deadlineMs });
  await insist(drain, drain);
  while (pendingIn(await spillway.status()) > 0 && performance.now() - begin < deadlineMs) await pause(lookEveryMs);
  return performance.now() - begin;
}
