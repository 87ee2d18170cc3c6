export interface Measurement {
  /** As `--only` names it. */
  readonly id: string;
  /** In `measurements/`, without its ending. */
  readonly file: string;
  readonly what: string;
  /** `ours` uses the package; `reference` does not, so it has no twin of an older build. */
  readonly sides: Readonly<Record<string, 'ours' | 'reference'>>;
  readonly readings: Readonly<Record<string, Reading>>;
  readonly ratios: readonly Ratio[];
  /** Figures that are asked for as they are, whatever others have. */
  readonly limits?: readonly Limit[];
  /** Sides of the largest sizes: they run with `--full` only. */
  readonly fullSides?: readonly string[];
}

export interface Reading {
  readonly name: string;
  readonly unit: Unit;
}

export type Unit = 'per s' | 'rows/s' | 'ms' | 'us' | 'bytes' | 'calls' | '%' | 'rows' | 'x' | 'timers' | 'connections';

/** What is asked of one reading of a side. */
export interface Limit {
  readonly of: string;
  /** One of `readings`. */
  readonly reading: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly aim?: number;
}

/** One side divided by another one, in the same round. */
export interface Ratio extends Limit {
  /** Another side, or `older`: the same side on the build that `--against` names. */
  readonly to: string;
}

/** The name of the sides that `--against` adds, as a ratio names them. */
export const OLDER = 'older';
