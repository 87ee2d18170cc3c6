import { encodePlain } from '../../change/record-codec.js';
import type { StageRules } from '../stage-side.js';

type Rules = Readonly<Record<string, StageRules>>;

/** Most sets of entities of which the encoded rules are kept. Units of any entities may leave in one group. */
const MOST_KEPT = 256;

/** Rules -> the names of entities -> their rules, encoded. A process has few sets of rules, and uses them for ever. */
const encoded = new WeakMap<Rules, Map<string, Buffer>>();

/**
 * Rules of these entities, as the scripts read them: debounce, longest delay, most records, most bytes, policy, steps
 * (`*` for all).
 */
export function encodeRules(rules: Rules, entities: ReadonlySet<string>): Buffer {
  let known = encoded.get(rules);
  if (known === undefined) {
    known = new Map();
    encoded.set(rules, known);
  }
  const names = [...entities].toSorted().join('\0');
  let bytes = known.get(names);
  if (bytes === undefined) {
    const parts = [...entities].flatMap((entity) => {
      const rule = rules[entity];
      return rule === undefined ? [] : [[entity, partsOf(rule)] as const];
    });
    bytes = encodePlain(new Map(parts));
    if (known.size === MOST_KEPT) known.clear();
    known.set(names, bytes);
  }
  return bytes;
}

function partsOf({ debounceMs, maxDelayMs, maxPending, maxRecordBytes, policy = '', steps }: StageRules): unknown[] {
  const always = [debounceMs, maxDelayMs, maxPending, maxRecordBytes, policy];
  return steps ? [...always, steps === 'all' ? '*' : steps] : always;
}
