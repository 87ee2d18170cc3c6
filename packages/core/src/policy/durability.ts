import { SpillwayError } from '../errors.js';
import { describeValue } from './describe-value.js';
import { listOf } from './option-reader.js';

/** Where a change has to be before it is told staged, as a developer writes it. */
export type Durability = 'primary' | 'replicated' | 'fsynced';

export const DURABILITIES: readonly Durability[] = ['primary', 'replicated', 'fsynced'];

/**
 * Where all changes of a unit have to be. `both`: some of them replicated, others on disk. Neither of the two stands
 * above the other: a failover may forget what is on disk, a loss of power what is replicated.
 */
export type Tier = Durability | 'both';

/** The least tier that is as good as each of the two. */
export function strictest(one: Tier, other: Tier): Tier {
  if (one === other || other === 'primary') return one;
  return one === 'primary' ? other : 'both';
}

export interface DurabilityOption {
  /**
   * Where the changes of this call have to be before it resolves, whatever the policies of its entities say: on the
   * Redis primary (`'primary'`), on its replicas too (`'replicated'`), or on the disk of the primary (`'fsynced'`).
   * @defaultValue the policy's `durability`
   */
  readonly durability?: Durability;
}

/**
 * The durability in the options of a call that is Spillway's own.
 * @throws SpillwayError `CONFIG_INVALID` for a value that is none
 */
export function givenDurability(
  call: string,
  { durability }: { readonly durability?: unknown } = {},
): Durability | undefined {
  if (durability === undefined) return undefined;
  const known = DURABILITIES.find((each) => each === durability);
  if (known) return known;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `durability in the options of ${call} is ${describeValue(durability, DURABILITIES)}; it must be ${listOf(DURABILITIES)}`,
  );
}
