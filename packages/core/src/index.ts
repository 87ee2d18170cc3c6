export { spillway, Spillway, type SpillwayExtension } from './spillway.js';
export type { SpillwayTables } from './runtime/own-tables.js';
export type { AllLettersFilter, RetryLetterOptions, SpillwayDeadLetters } from './runtime/service-letters.js';
export type { AllLettersOptions, RetriedLetters, RetryAllOptions } from './staging/all-letters.js';
export type {
  CacheLimits,
  DeadLetterLimits,
  Logger,
  EntryPolicy,
  PolicyEntries,
  ClusterClient,
  ClusterNode,
  NamedNode,
  NatMap,
  RedisClusterOptions,
  RedisNodes,
  RedisTarget,
  SharedOptions,
  SpillwayOptions,
  StagingFactory,
  StagingSettings,
  TableOptions,
  WorkerOptions,
} from './options.js';

export type { TransactionOption, TransactionWay } from './mikro-orm/transactions/transaction-option.js';
export { WriteBehind, type PolicyDecorator } from './policy/write-behind.js';
export type { PolicyTarget } from './policy/entity-types.js';
export type { Durability, DurabilityOption } from './policy/durability.js';
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

export { redisRights, type RedisRightsOptions, type RedisTopology } from './staging/redis/redis-rights.js';

export { SpillwayRepository } from './mikro-orm/repository/with-spillway.js';
export { withSpillway, type KeyOf, type SpillwayMethods } from './mikro-orm/repository/with-spillway.js';
export type { LetterPage } from './mikro-orm/repository/row-calls.js';
export type { Counted, IncrementReceipt, Receipt, WrittenOptions } from './mikro-orm/repository/receipt.js';
export type { DrainCallOptions } from './mikro-orm/repository/drain-call.js';
export type { PendingRow } from './mikro-orm/repository/pending-row.js';
export type { PatchOptions } from './mikro-orm/write/build-patch.js';

export { SpillwayError, type SpillwayErrorCode } from './errors.js';
export { printable } from './printable.js';
export { ValidationFailedError, type ValidationIssue } from './mikro-orm/validate/validation-error.js';
export type { ValidateOptions, ValidatingOptions } from './policy/write-policy.js';
export { DeadLetteredError } from './flush/dead-lettered-error.js';
export type { SettleOptions } from './mikro-orm/write/settle-options.js';
export { DurabilityNotReachedError } from './mikro-orm/write/durability-error.js';
export { StagingTimeoutError, StoppedCallError } from './mikro-orm/write/lost-calls.js';
export { StagingPartialError } from './mikro-orm/write/refusal-error.js';
export type { SpillwayEvent, SpillwayEventName, SpillwayEventOf, SpillwayListener } from './events.js';

export type { DoctorCheck, Finding } from './doctor/finding.js';
export type { Health, HealthState } from './observability/health.js';
export type { StagingState } from './observability/health.js';
export type { DatabaseState } from './sink/sink-failure.js';
export type { QueryOption } from './mikro-orm/query-option.js';
export type { QueryMode } from './policy/query-mode.js';
export type { Increments } from './mikro-orm/write/prepare-increment.js';
export type { IncrementOptions } from './mikro-orm/write/prepare-increment.js';
export type { IncrementRow } from './mikro-orm/write/prepare-increment.js';
export type { Change, ChangeKind, Deltas, JsonText, Values, VersionText } from './change/change.js';
export type { BatchOutcome, Outcome } from './change/outcome.js';
export type { RecordKind, StagedRecord } from './change/record.js';
export { keyText, type RowKey } from './change/row-key.js';
export type {
  GroupAnswer,
  Refusal,
  RefusalReason,
  StageGroup,
  StageRules,
  StageSide,
  StageUnit,
  UnitAnswer,
} from './staging/stage-side.js';
export type { Batch, Claim, ClaimRequest, FlushSide, ParkReport } from './staging/flush-side.js';
export type {
  ChainSeen,
  DueRecords,
  DueScope,
  LookSide,
  Pending,
  Settlement,
  StagedMark,
} from './staging/look-side.js';
export type {
  DeadLetter,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterStore,
  DroppedLetter,
  DroppedLetters,
  LetterFilter,
  RetryWith,
} from './staging/dead-letter-store.js';
export type { ShardDepth } from './staging/shard-depth.js';
export type { ComparedRow } from './sink/change-sink.js';
export type { ComparedLetter, RowLife } from './runtime/row-life.js';
export type { StagingStats, StagingStore, UnwellServer } from './staging/staging-store.js';
export type { StartMode } from './runtime/worker-start.js';
export type {
  DrainMessage,
  EventMessage,
  FlushedRecord,
  FlushMessage,
  FlushOutcome,
  LifeMessage,
  RecordOutcome,
  StageMessage,
  StageOutcome,
  TelemetrySource,
} from './observability/channels.js';
export type { SpillwayStatus } from './observability/status.js';
export type { SqlReason, WritesByWay, WriteWay } from './observability/status.js';
