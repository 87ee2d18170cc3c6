import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { DrainMessage, EventMessage, FlushMessage, LifeMessage, StageMessage } from '@spillway/core';

/** The message of each channel that is traced from its start to its end. */
export interface Traced {
  readonly stage: StageMessage;
  readonly flush: FlushMessage;
  readonly drain: DrainMessage;
}

export type TracedName = keyof Traced;

/** The message of each channel that tells of one moment. */
export interface Told {
  readonly open: LifeMessage;
  readonly close: LifeMessage;
  readonly event: EventMessage;
}

/** The work of a traced channel, from start to end. */
export interface TraceListener<Message> {
  /** In the asynchronous context of the caller. */
  readonly start?: (message: Message) => void;
  /** The message is complete. */
  readonly end?: (message: Message) => void;
}

/** @returns a function that takes the subscription back */
export function onTraced<Name extends TracedName>(name: Name, { start, end }: TraceListener<Traced[Name]>): () => void {
  const { start: starts, asyncEnd: ends } = tracingChannel(`spillway:${name}`);
  const onStart = (message: unknown): void => start?.(message as Traced[Name]);
  const onEnd = (message: unknown): void => end?.(message as Traced[Name]);
  starts.subscribe(onStart);
  ends.subscribe(onEnd);
  return () => {
    starts.unsubscribe(onStart);
    ends.unsubscribe(onEnd);
  };
}

/** @returns a function that takes the subscription back */
export function onTold<Name extends keyof Told>(name: Name, listener: (message: Told[Name]) => void): () => void {
  const told = channel(`spillway:${name}`);
  const onMessage = (message: unknown): void => listener(message as Told[Name]);
  told.subscribe(onMessage);
  return () => {
    told.unsubscribe(onMessage);
  };
}
