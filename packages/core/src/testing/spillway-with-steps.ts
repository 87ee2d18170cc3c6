import type { FlushSteps } from '../flush/flush-shards.js';
import type { SpillwayOptions } from '../options.js';
import type { PolicyTarget } from '../policy/entity-types.js';
import { resolveOptions } from '../resolve-options.js';
import type { HoldSteps } from '../runtime/hold-steps.js';
import { extensionOf, type SpillwayExtension } from '../spillway.js';

/**
 * `spillway(options)` that calls `steps` after each named step of every flush, and `holdSteps` after those of transactions that hold changes: where a worker can die, or be held up, and another one has to go on. For fault tests only.
 */
export function spillwayWithSteps<const Targets extends readonly PolicyTarget[]>(
  options: SpillwayOptions<Targets>,
  steps: FlushSteps,
  holdSteps?: HoldSteps,
): SpillwayExtension {
  return extensionOf(resolveOptions(options), steps, holdSteps);
}
