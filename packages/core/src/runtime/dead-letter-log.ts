import { keyText } from '../change/row-key.js';
import type { SpillwayEventOf, SpillwayEvents } from '../events.js';
import type { Logger } from '../options.js';
import { formatDuration } from '../policy/duration.js';

type DeadLetterEvent = SpillwayEventOf<'dead-letter'>;

/** As the options have them. */
export interface LetterLimits {
  readonly keepLetters: number;
  readonly keepLettersMs: number;
}

/**
 * Logs changes that became dead letters: the application may not listen to events, and an acknowledged change must not
 * be lost in silence. Dead letters of one flush with one reason share a line.
 */
export function logDeadLetters(events: SpillwayEvents, logger: Logger, limits: LetterLimits): void {
  events.on('dead-letters-dropped', (event) => logger.error(lineOfDropped(event, limits)));
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

/** Logged in full, for nothing else is left of the letters. */
function lineOfDropped(
  { letters }: SpillwayEventOf<'dead-letters-dropped'>,
  { keepLetters, keepLettersMs }: LetterLimits,
): string {
  const [oldest] = letters;
  const one = oldest ? `, that of ${oldest.entity} ${keyText(oldest.rowKey)} (${oldest.code}) among them,` : '';
  const age = keepLettersMs > 0 ? `, and for no longer than ${formatDuration(keepLettersMs)}` : '';
  return (
    `Spillway: ${letters.length} dead letters${one} were dropped, and what they held is lost: ` +
    `${keepLetters} are kept over all shards, which have equal parts of them${age}. ` +
    'Retry or discard dead letters, or raise deadLetters.keep and deadLetters.keepFor'
  );
}
