import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import { strictest, type Tier } from '../policy/durability.js';

/** Answers the strictest tier that the policies of an ORM ask for by now: the claims of its process wait for it. */
export function claimTierOf(types: Pick<TypeRegistry, 'all'>): () => Tier {
  return () => types.all.reduce<Tier>((tier, { policy }) => strictest(tier, policy.durability), 'primary');
}
