import type { TableName } from '../change/row-key.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { formatDuration } from '../policy/duration.js';
import type { ResolvedPolicy } from '../policy/policy.js';
import type { ChangeSink } from '../sink/change-sink.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** What each entity's policy is, and where releases disagree. */
export async function examinePolicies(
  types: Pick<TypeRegistry, 'inAnyMode' | 'ofTable'>,
  sink: Pick<ChangeSink, 'registry' | 'copies'>,
): Promise<readonly Finding[]> {
  const [staged, disbelieved] = await Promise.all([sink.registry.list(), sink.copies.disbelieved.list()]);
  const others = [...staged].filter(([, table]) => types.ofTable(table)?.policy.mode !== 'behind');
  return [
    ...types.inAnyMode.map(({ meta, policy }) => ok('policies', `${meta.className} is ${policyText(policy)}.`)),
    ...others.map(([entity, table]) => stagedElsewhere(entity, types.ofTable(table) !== undefined)),
    ...disbelieved.filter((table) => types.ofTable(table)?.policy.cache).map(notBelieved),
  ];
}

function policyText({ mode, debounceMs, maxDelayMs, detect, durability, cache }: ResolvedPolicy): string {
  const cached = cache ? `, cached for ${formatDuration(cache.ttlMs)}` : '';
  if (mode === 'through') return `written through${cached}`;
  const tier = [durability].flat().join(' and ');
  return (
    `written behind (debounce ${formatDuration(debounceMs)}, maxDelay ${formatDuration(maxDelayMs)}, ` +
    `detect ${detect}, durability ${tier})${cached}`
  );
}

/** @param isKnown false: this configuration knows no policy for it, and refuses it until nobody stages it */
function stagedElsewhere(entity: string, isKnown: boolean): Finding {
  if (isKnown)
    return warning(
      'policies',
      `Another release stages ${entity}, which is written through here. Until nobody stages it, its pending changes are looked at before each read and write.`,
      'Deploy one policy for it everywhere. Once no process stages it, it is left by itself.',
    );
  return problem(
    'policies',
    `Another release stages ${entity}, which has no policy here: its reads and writes are refused with POLICY_MISMATCH while something of it is pending.`,
    'Give it a policy here too (@WriteBehind, or @WriteThrough to leave staging), or drain it and stop the other release.',
  );
}

function notBelieved({ schema, table }: TableName): Finding {
  return warning(
    'policies',
    `Copies of rows of ${schema}.${table} are not believed, because another release writes them without telling the cache.`,
    'When no such release runs any more, call Spillway.of(orm).rejoin() once.',
  );
}
