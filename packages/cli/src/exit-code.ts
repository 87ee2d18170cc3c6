import { Interrupted } from './interruption.js';
import type { SpillwayError, SpillwayErrorCode } from '@spillway/core';

/**
 * What a command tells the shell.
 *
 * - `FINE`: done, and nothing is left
 * - `LEFT`: done as far as it goes: there are findings, or something is left to do
 * - `WRONG`: wrong usage or configuration; a person has to change it
 * - `UNREACHABLE`: Redis or PostgreSQL cannot be reached, or does not answer; another try may help
 * - `UNEXPECTED`: an error of another kind
 */
export const EXIT = { FINE: 0, LEFT: 1, WRONG: 2, UNREACHABLE: 3, UNEXPECTED: 4 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const OF_CODE: Partial<Readonly<Record<SpillwayErrorCode, ExitCode>>> = {
  CONFIG_INVALID: EXIT.WRONG,
  ENTITY_UNSUPPORTED: EXIT.WRONG,
  REDIS_VOLATILE: EXIT.WRONG,
  SHARD_MAP_MISMATCH: EXIT.WRONG,
  POLICY_MISMATCH: EXIT.WRONG,
  DURABILITY_UNSUPPORTED: EXIT.WRONG,
  ORM_INCOMPATIBLE: EXIT.WRONG,
  ONE_CONNECTION: EXIT.WRONG,
  DATABASE_UNAVAILABLE: EXIT.UNREACHABLE,
  STAGING_UNAVAILABLE: EXIT.UNREACHABLE,
  STAGING_TIMEOUT: EXIT.UNREACHABLE,
  STAGING_FULL: EXIT.LEFT,
  DRAIN_TIMEOUT: EXIT.LEFT,
};

/** Usage or configuration that a person has to change. */
export class WrongUsage extends Error {
  override readonly name: string = 'WrongUsage';
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof WrongUsage) return EXIT.WRONG;
  if (error instanceof Interrupted) return EXIT.LEFT;
  const code = spillwayCodeOf(error);
  return (code && OF_CODE[code]) ?? EXIT.UNEXPECTED;
}

/**
 * The code of a `SpillwayError`; `undefined` for any other error. A loader of TypeScript may give the configuration a
 * copy of Spillway of its own, with classes of its own, so the code is read and not the class.
 */
export function spillwayCodeOf(error: unknown): SpillwayErrorCode | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as Partial<SpillwayError>;
  return code !== undefined && error.message.endsWith(`[${code}]`) ? code : undefined;
}
