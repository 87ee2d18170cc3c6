import type { Change } from '../../change/change.js';
import type { Durability } from '../../policy/durability.js';
import { CutOff } from '../../staging/staging-errors.js';
import type { StageResult } from '../../staging/stage-result.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { EngineWrites } from '../engine.js';
import { fallbackUnder, type Fallback } from '../change/fallback.js';
import { DurabilityNotReachedError } from './durability-error.js';
import type { LostCallEngine } from './lost-calls.js';
import { changesError, stoppedError } from './refusal-error.js';

/** Changes of a call past the unit of work, none of which is staged. Its policy lets SQL write them. */
export class Unstaged {
  readonly way: Fallback;
  /** The error for a caller that cannot write them by SQL. */
  readonly error: unknown;

  constructor(way: Fallback, error: unknown) {
    this.way = way;
    this.error = error;
  }
}

/** How a call stages its changes. */
export interface StagingCall {
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue as the policy says */
  readonly durability?: Durability | undefined;
}

/**
 * Stages changes of one type. Answers the result of the store, or `Unstaged` if all of them may be written by SQL
 * instead.
 *
 * @throws DurabilityNotReachedError: all of them are staged
 */
export async function stageOrFallBack(
  type: WriteBehindType,
  changes: readonly Change[],
  engine: EngineWrites,
  { signal, durability }: StagingCall = {},
): Promise<StageResult | Unstaged> {
  const staging = stagingAt(engine, durability);
  let result: StageResult;
  try {
    result = await staging.stage(changes, signal);
  } catch (error) {
    if (error instanceof CutOff && error.result) throw stoppedError(changes, error.result, staging, error);
    const way = fallbackUnder(error, [type.policy]);
    if (way === undefined) throw error;
    return new Unstaged(way, error);
  }
  const way = fallbackUnder(result, [type.policy]);
  if (result.short && changes.every(({ rowKey }) => result.staged.has(rowKey)))
    throw new DurabilityNotReachedError(result.short, engine);
  return way === undefined ? result : new Unstaged(way, changesError(changes, result, staging));
}

/** Stages at this durability, whatever the policies say; a call that was lost does so when it is tried again. */
export function stagingAt(engine: EngineWrites, durability: Durability | undefined): LostCallEngine {
  if (durability === undefined) return engine;
  return {
    stage: async (changes, signal) => engine.stage(changes, signal, durability),
    findOut: async (calls) => engine.findOut(calls),
    waitAgain: async (units) => engine.waitAgain(units),
  };
}

/** Announces and counts rows of a type that are written by SQL. */
export function announceFallback(type: WriteBehindType, way: Fallback, rows: number, engine: EngineWrites): void {
  engine.fellBack(way);
  for (let row = 0; row < rows; row += 1) engine.count(type.meta.className, 'sql:fallback');
}
