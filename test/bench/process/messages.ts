import type { Ground, Readings } from './side.js';

/** What the benchmark tells the process of a side when it starts it. */
export interface Start {
  /** A file of `measurements/`, without its ending. */
  readonly measurement: string;
  readonly side: string;
  readonly ground: Ground;
  /** A file that gets a profile of the last round. */
  readonly profileFile?: string;
}

/** A line from the benchmark to a side. */
export type Order = { readonly act: 'round'; readonly round: number } | { readonly act: 'check' | 'close' };

/** A line from a side to the benchmark: the answer to the start, or to an order. */
export type Answer = { readonly readings: Readings } | { readonly failed: string };
