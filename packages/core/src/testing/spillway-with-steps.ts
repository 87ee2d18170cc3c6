import type { FlushSteps } from '../flush/flush-shards.js';
import type { SpillwayOptions } from '../options.js';
import type { PolicyTarget } from '../policy/entity-types.js';
import { resolveOptions } from '../resolve-options.js';
import type { HoldSteps } from '../runtime/surroundings.js';
import { extensionOf, type SpillwayExtension } from '../spillway.js';

/**
 * `spillway(options)` that calls `steps` after each named step of every flush, and `holdSteps` after each step of
 * transactions that hold changes. There a test can end or delay a worker, and another worker has to go on. For fault
 * tests only.
 */
export function spillwayWithSteps<const Targets extends readonly PolicyTarget[]>(
  options: SpillwayOptions<Targets>,
  steps: FlushSteps,
  holdSteps?: HoldSteps,
): SpillwayExtension {
  return extensionOf(resolveOptions(options), steps, holdSteps);
}
