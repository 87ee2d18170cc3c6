import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Change, History } from './change.js';
import type { JournalLine } from './journal.js';

/** All journals of a folder, as one history. */
export function readJournals(folder: string): History {
  const histories = readdirSync(folder).map((name) => parseJournal(readFileSync(path.join(folder, name), 'utf8')));
  return {
    acknowledged: histories.flatMap((history) => history.acknowledged),
    inDoubt: histories.flatMap((history) => history.inDoubt),
  };
}

/** One journal. A last line that was cut off by the death of its process was never written. */
export function parseJournal(text: string): History {
  const acknowledged: (readonly Change[])[] = [];
  const open = new Map<number, readonly Change[]>();
  for (const json of text.split('\n').slice(0, -1)) {
    const line = JSON.parse(json) as JournalLine;
    if ('intended' in line) open.set(line.flush, line.intended);
    else open.delete(line.flush);
    if ('acknowledged' in line) acknowledged.push(line.acknowledged);
  }
  return { acknowledged: acknowledged.flat(), inDoubt: [...open.values()].flat() };
}
