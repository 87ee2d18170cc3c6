/**
 * The steps of a transaction that holds changes, each named when it is done. A process can die there, and other
 * processes must go on.
 */
export type HoldStep = 'held' | 'entered' | 'ended' | 'released';

/** Called after each step. Work goes on when it resolves, and is cut off there if it rejects. For fault tests. */
export type HoldSteps = (step: HoldStep, shards: readonly number[]) => Promise<void>;
