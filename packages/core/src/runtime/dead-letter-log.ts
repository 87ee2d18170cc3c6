import { keyText } from '../change/row-key.js';
import type { SpillwayEventOf, SpillwayEvents } from '../events.js';
import type { Logger } from '../options.js';

type DeadLetterEvent = SpillwayEventOf<'dead-letter'>;

/**
 * Says in the log that changes became dead letters: the application need not listen to events, and an acknowledged
 * change that will not be written must not pass in silence. Those of one flush with one reason are one line.
 */
export function logDeadLetters(events: SpillwayEvents, logger: Logger): void {
  let waiting: DeadLetterEvent[] = [];
  const write = (): void => {
    const alike = Map.groupBy(waiting, ({ entity, code, reason }) => JSON.stringify([entity, code, reason]));
    waiting = [];
    for (const letters of alike.values()) logger.error(lineOf(letters));
  };
  events.on('dead-letter', (event) => {
    waiting.push(event);
    // All events of a flush come at once.
    if (waiting.length === 1) queueMicrotask(write);
  });
}

function lineOf(letters: readonly DeadLetterEvent[]): string {
  const [{ entity, rowKey, code, reason }] = letters as readonly [DeadLetterEvent];
  const because = `(${code}): ${reason}`;
  return letters.length === 1
    ? `Spillway: a change of ${entity} ${keyText(rowKey)} became a dead letter ${because}`
    : `Spillway: ${letters.length} changes of ${entity} became dead letters, that of ${keyText(rowKey)} among them ${because}`;
}
