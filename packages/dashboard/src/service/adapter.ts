import type { Spillway } from '@spillway/core';
import type { FindingView } from '../wire.js';

/**
 * What looks the whole set-up over; `undefined`: this release of Spillway cannot, and the page then shows no doctor.
 */
export function doctorOf(spillway: Spillway): (() => Promise<readonly FindingView[]>) | undefined {
  const diagnose: unknown = Reflect.get(spillway, 'diagnose');
  return typeof diagnose === 'function'
    ? async () => Reflect.apply(diagnose, spillway, []) as Promise<readonly FindingView[]>
    : undefined;
}
