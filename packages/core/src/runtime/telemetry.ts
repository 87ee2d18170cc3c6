import type { Change } from '../change/change.js';
import type { RowKey } from '../change/row-key.js';
import { failuresOf, flushedRecordsOf, flushOutcomeOf } from '../flush/flushed-records.js';
import type { DrainResult } from '../flush/drain.js';
import type { FlushReport } from '../flush/flush-report.js';
import type { WorkTrace } from '../flush/worker.js';
import {
  closeChannel,
  drainChannel,
  eventChannel,
  flushChannel,
  openChannel,
  stageChannel,
  traced,
  type DrainMessage,
  type EventMessage,
  type FlushMessage,
  type LifeMessage,
  type StageMessage,
  type StageOutcome,
  type TelemetrySource,
} from '../observability/channels.js';
import type { EventTap, SpillwayEvent } from '../events.js';
import type { StageResult } from '../staging/stage-result.js';

/** Publishes the work of one engine on the channels of the process. Nothing is made where nobody has subscribed. */
export class Telemetry implements EventTap, WorkTrace {
  readonly source: TelemetrySource;
  readonly channel: EventTap['channel'] = eventChannel;

  constructor(source: TelemetrySource) {
    this.source = source;
  }

  opened(): void {
    if (openChannel.hasSubscribers) openChannel.publish({ source: this.source } satisfies LifeMessage);
  }

  closed(): void {
    if (closeChannel.hasSubscribers) closeChannel.publish({ source: this.source } satisfies LifeMessage);
  }

  happened(event: SpillwayEvent): void {
    eventChannel.publish({ source: this.source, event } satisfies EventMessage);
  }

  /** @param stage stages the changes, or holds them for a transaction */
  stage(changes: readonly Change[], stage: () => Promise<StageResult>): Promise<StageResult> {
    const message = (): StageMessage => ({ source: this.source, rows: rowsOf(changes) });
    return traced(stageChannel, message, stage, noteStaged);
  }

  flush(shards: number, isOfDrain: boolean, flush: () => Promise<FlushReport>): Promise<FlushReport> {
    const message = (): FlushMessage => ({ source: this.source, shards, isOfDrain });
    return traced(flushChannel, message, flush, noteFlushed);
  }

  drain(drain: () => Promise<DrainResult>): Promise<DrainResult> {
    const message = (): DrainMessage => ({ source: this.source });
    return traced(drainChannel, message, drain, (made, { left }) => {
      made.left = left;
    });
  }
}

function rowsOf(changes: readonly Change[]): ReadonlyMap<RowKey, string> {
  return new Map(changes.map(({ rowKey, entity }) => [rowKey, entity]));
}

function noteStaged(message: StageMessage, result: StageResult): void {
  message.outcome = stageOutcomeOf(result);
  message.staged = new Set(result.staged.keys());
  const refused: Partial<Record<string, number>> = {};
  for (const { reason } of result.refused) refused[reason] = (refused[reason] ?? 0) + 1;
  message.refused = refused;
}

function stageOutcomeOf({ refused, unknown, dropped }: StageResult): StageOutcome {
  if (unknown.length > 0) return 'unknown';
  if (dropped.length > 0) return 'dropped';
  return refused.length > 0 ? 'refused' : 'staged';
}

function noteFlushed(message: FlushMessage, report: FlushReport): void {
  message.outcome = flushOutcomeOf(report);
  message.records = flushedRecordsOf(report);
  message.failures = failuresOf(report);
}
