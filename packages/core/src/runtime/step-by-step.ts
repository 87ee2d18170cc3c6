import { setTimeout as pause } from 'node:timers/promises';
import type { Change } from '../change/change.js';
import type { RowKey } from '../change/row-key.js';
import { isDrainTimeout, SpillwayError } from '../errors.js';
import type { EntityRules, RulesByEntity } from '../staging/entity-rules.js';
import type { StageResult } from '../staging/stage-result.js';
import { CutOff } from '../staging/staging-errors.js';
import type { DueScope, LookSide } from '../staging/look-side.js';

/** The most attempts at writing first steps: another caller may stage the next step meanwhile. */
const TRIES = 3;
const PAUSE_MS = 20;

export interface StepDeps {
  readonly stage: (changes: readonly Change[], rules: RulesByEntity) => Promise<StageResult>;
  /** Writes pending changes of these rows, as far as they can be written now. */
  readonly write: (rows: readonly RowKey[]) => Promise<void>;
}

/**
 * Where a change was refused because it is the second step of a row, writes the first step and stages what is left. If
 * the first step cannot be written now (PostgreSQL is away or refuses it, or a transaction has locked the row), the two
 * are merged all the same: the application must be able to go on, and to correct a refused change. Once some changes
 * are staged, an error leaves the others refused.
 *
 * @param first what became of the changes when they were staged
 * @throws what staging throws, where nothing was staged
 */
export async function stageNextSteps(
  changes: readonly Change[],
  first: StageResult,
  rules: RulesByEntity,
  { stage, write }: StepDeps,
): Promise<StageResult> {
  let result = first;
  for (let tries = 1; result.refused.some(isStep); tries += 1) {
    if (!result.refused.every(isStep)) return { ...result, refused: result.refused.filter((each) => !isStep(each)) };
    try {
      await write(result.refused.map(({ rowKey }) => rowKey));
      const rest = await stage(restOf(changes, result), tries < TRIES ? rules : withoutSteps(rules));
      result = both(result, rest);
    } catch (error) {
      if (isNothing(result)) throw error;
      // A call that a stop has cut off may have run, and its error says so.
      if (error instanceof SpillwayError && error.code === 'STOPPED') throw cutOff(error, result);
      return result;
    }
  }
  return result;
}

/** Adds the changes that were staged before. */
function cutOff(error: SpillwayError, before: StageResult): CutOff {
  const rest = error instanceof CutOff ? error.result : undefined;
  return new CutOff('the staging store', error, rest ? both(before, rest) : before);
}

/** Changes that were refused, or not sent. The caller settles a call that is lost or still open. */
function restOf(changes: readonly Change[], { staged, unknown, dropped }: StageResult): readonly Change[] {
  const open = new Set([...unknown, ...dropped].flatMap((call) => call.changes.map(({ rowKey }) => rowKey)));
  return changes.filter(({ rowKey }) => !staged.has(rowKey) && !open.has(rowKey));
}

function isNothing({ staged, unknown }: StageResult): boolean {
  return staged.size === 0 && unknown.length === 0;
}

function isStep({ reason }: StageResult['refused'][number]): boolean {
  return reason === 'step';
}

/** Rules that merge every change into the pending changes of its row. */
export function withoutSteps(rules: RulesByEntity): RulesByEntity {
  return Object.fromEntries(Object.entries(rules).map(([entity, rule]) => [entity, withoutStepsOf(rule)]));
}

function withoutStepsOf(rule: EntityRules): EntityRules {
  return Object.fromEntries(Object.entries(rule).filter(([name]) => name !== 'steps')) as unknown as EntityRules;
}

/** Joins the results of changes that were staged in two parts. */
function both(first: StageResult, rest: StageResult): StageResult {
  return {
    staged: new Map([...first.staged, ...rest.staged]),
    marks: new Map([...first.marks, ...rest.marks]),
    refused: rest.refused,
    unknown: [...first.unknown, ...rest.unknown],
    dropped: [...first.dropped, ...rest.dropped],
    ...((first.short ?? rest.short) && { short: [...(first.short ?? []), ...(rest.short ?? [])] }),
  };
}

export interface RowsToWrite {
  readonly scope: DueScope & { readonly kind: 'rows' };
  /** The rows with everything that they may have to wait for. */
  readonly wide: DueScope;
  readonly timeoutMs: number;
}

export interface WriteRowsDeps {
  readonly drain: (scope: DueScope, timeoutMs: number) => Promise<unknown>;
  readonly peek: LookSide['peek'];
}

/** Drains until only changes that PostgreSQL has refused are pending of the rows, or the time is up. */
export async function writeFirst(
  { scope, wide, timeoutMs }: RowsToWrite,
  { drain, peek }: WriteRowsDeps,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  try {
    for (let asked: DueScope = scope; ; asked = wide) {
      await drain(asked, Math.max(1, deadline - performance.now()));
      const found = await peek(scope.keys);
      const waits = scope.keys.some((key) => {
        const { dirty, inFlight } = found.get(key) ?? {};
        return inFlight !== undefined || dirty?.attempts === 0;
      });
      if (!waits || performance.now() >= deadline) return;
      await pause(PAUSE_MS);
    }
  } catch (error) {
    if (!isDrainTimeout(error)) throw error;
  }
}
