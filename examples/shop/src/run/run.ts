import type { Premises } from '../premises/premises.js';
import type { Progress } from '../screen/progress.js';
import type { Stretches } from './stretches.js';

/** What all parts of one run know. */
export interface Run {
  readonly premises: Premises;
  readonly seed: string;
  /** How long the shop is open. */
  readonly seconds: number;
  readonly stretches: Stretches;
  readonly progress: Progress;
  readonly stop: AbortController;
}
