import { describeValue } from '../../policy/describe-value.js';
import { SpillwayError } from '../../errors.js';

const WAYS = ['through', 'stage'] as const;

/** How write-behind entities are written in a transaction: by SQL, in it; or held, and staged with its commit. */
export type TransactionWay = (typeof WAYS)[number];

/** The option that Spillway adds to MikroORM's transactions: `em.transactional(cb, { spillway: 'stage' })`. */
export interface TransactionOption {
  /**
   * How write-behind entities are written in this transaction, whatever their policies say (`transactions`): by SQL, in
   * it (`'through'`), or held in Redis and staged with its commit, or not at all (`'stage'`). A savepoint has the way
   * of the transaction around it, unless it names its own.
   */
  spillway?: TransactionWay;
}

declare module '@mikro-orm/core' {
  interface TransactionOptions extends TransactionOption {}
}

/** @throws SpillwayError `CONFIG_INVALID` */
export function wayOf(options: object | undefined): TransactionWay | undefined {
  const given: unknown = options && Reflect.get(options, 'spillway');
  if (given === undefined) return undefined;
  const way = WAYS.find((each) => each === given);
  if (way) return way;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `spillway in the options of a transaction is ${describeValue(given, WAYS)}; it must be 'through' or 'stage'`,
  );
}
