import type { FlushSteps } from '../flush/flush-shards.js';
import type { SpillwayOptions } from '../options.js';
import type { PolicyTarget } from '../policy/entity-types.js';
import { resolveOptions } from '../resolve-options.js';
import { extensionOf, type SpillwayExtension } from '../spillway.js';

/**
 * `spillway(options)` that calls `steps` after each named step of every flush: where a worker can die, or be held up, and another one has to go on. For fault tests only.
 */
export function spillwayWithSteps<const Targets extends readonly PolicyTarget[]>(
  options: SpillwayOptions<Targets>,
  steps: FlushSteps,
): SpillwayExtension {
  return extensionOf(resolveOptions(options), steps);
}
