import type { Change } from '../../change/change.js';
import { CutOff } from '../../staging/staging-errors.js';
import type { StageResult } from '../../staging/stage-result.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { EngineWrites } from '../engine.js';
import { fallbackUnder, type Fallback } from '../change/fallback.js';
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

/**
 * Stages changes of one type. Answers the result of the store, or `Unstaged` if all of them may be written by SQL
 * instead.
 */
export async function stageOrFallBack(
  type: WriteBehindType,
  changes: readonly Change[],
  engine: EngineWrites,
  signal?: AbortSignal,
): Promise<StageResult | Unstaged> {
  let result: StageResult;
  try {
    result = await engine.stage(changes, signal);
  } catch (error) {
    if (error instanceof CutOff && error.result) throw stoppedError(changes, error.result, engine, error);
    const way = fallbackUnder(error, [type.policy]);
    if (way === undefined) throw error;
    return new Unstaged(way, error);
  }
  const way = fallbackUnder(result, [type.policy]);
  return way === undefined ? result : new Unstaged(way, changesError(changes, result, engine));
}

/** Announces and counts rows of a type that are written by SQL. */
export function announceFallback(type: WriteBehindType, way: Fallback, rows: number, engine: EngineWrites): void {
  engine.fellBack(way);
  for (let row = 0; row < rows; row += 1) engine.count(type.meta.className, 'sql:fallback');
}
