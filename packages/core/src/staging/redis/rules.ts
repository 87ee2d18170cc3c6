import { encodePlain } from '../../change/record-codec.js';
import type { StageRules } from '../stage-side.js';

/**
 * Rules by entity, as the scripts read them: debounce, longest delay, most records, most bytes, policy, steps (`*` for
 * all).
 */
export function encodeRules(rules: Readonly<Record<string, StageRules>>): Buffer {
  return encodePlain(
    new Map(
      Object.entries(rules).map(
        ([entity, { debounceMs, maxDelayMs, maxPending, maxRecordBytes, policy = '', steps }]) => [
          entity,
          [
            debounceMs,
            maxDelayMs,
            maxPending,
            maxRecordBytes,
            policy,
            ...(steps ? [steps === 'all' ? '*' : steps] : []),
          ],
        ],
      ),
    ),
  );
}
