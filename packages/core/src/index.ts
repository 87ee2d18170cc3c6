export { spillway, Spillway, type SpillwayExtension } from './spillway.js';
export type {
  Logger,
  EntryPolicy,
  PolicyEntries,
  RedisTarget,
  SpillwayOptions,
  StagingFactory,
  StagingSettings,
  TableOptions,
  WorkerOptions,
} from './options.js';

export { WriteBehind, type PolicyDecorator } from './policy/write-behind.js';
export { parseDuration, type Duration, type DurationLimits, type DurationUnit } from './policy/duration.js';
export { WriteThrough, type WriteThroughDecorator } from './policy/write-through.js';
export type {
  NamedConflictOption,
  PolicyDefaults,
  RetryOptions,
  CacheOptions,
  CachingOptions,
  WaitingOptions,
  WritePolicy,
  WriteThroughPolicy,
} from './policy/write-policy.js';
export type { Conflict, ConflictFunction, Decision, EntityValues } from './policy/conflict-function.js';

export { SpillwayError, type SpillwayErrorCode } from './errors.js';
export { StagingPartialError } from './mikro-orm/write/refusal-error.js';
export type { SpillwayEvent, SpillwayEventName, SpillwayEventOf, SpillwayListener } from './events.js';

export type { Health } from './observability/health.js';
export type { Increments } from './mikro-orm/write/build-increment.js';
export type { SpillwayStatus } from './observability/status.js';
export type { DeadLetter, DeadLetterStore, StagingStats, StagingStore } from './staging/staging-store.js';
