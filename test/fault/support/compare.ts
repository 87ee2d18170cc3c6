import { doneIn, type Effect, type Entry } from './journal.js';

/**
 * What one application has done to one row, by its journal. `doubtful`: begun, and neither acknowledged nor refused
 * when it died.
 */
interface PageHistory {
  acknowledged: number;
  doubtful: number;
}

interface ItemHistory {
  acknowledged: ItemState;
  doubtful: ItemState | undefined;
}

type ItemState = { readonly text: string; readonly version: number } | 'absent';

export interface Rows {
  readonly pages: readonly { readonly id: string; readonly hits: number }[];
  readonly items: readonly { readonly id: string; readonly text: string; readonly version: number }[];
}

export interface Comparison {
  readonly acknowledged: number;
  readonly doubtful: number;
  /**
   * Everything in the database that no history of the journals explains. Empty when nothing is lost and nothing is
   * there twice.
   */
  readonly wrong: readonly string[];
}

/**
 * Compares what applications were told with what the database has. Each row belongs to one application, which did one
 * thing to it at a time.
 */
export function compare(journals: readonly (readonly Entry[])[], rows: Rows): Comparison {
  const pages = new Map<string, PageHistory>();
  const items = new Map<string, ItemHistory>();
  const wrong: string[] = [];
  const counts = { acknowledged: 0, doubtful: 0 };
  for (const journal of journals) {
    const done = doneIn(journal);
    for (const entry of journal) {
      if (entry.kind === 'failed') wrong.push(`${entry.work} failed: ${entry.error}`);
      if (entry.kind !== 'begun') continue;
      const isDone = done.has(entry.work);
      counts[isDone ? 'acknowledged' : 'doubtful'] += 1;
      for (const effect of entry.effects) note(effect, isDone, pages, items);
    }
  }
  return { ...counts, wrong: [...wrong, ...wrongPages(pages, rows), ...wrongItems(items, rows)] };
}

function note(effect: Effect, isDone: boolean, pages: Map<string, PageHistory>, items: Map<string, ItemHistory>): void {
  if (effect.kind === 'hits') {
    const page = pages.get(effect.id) ?? { acknowledged: 0, doubtful: 0 };
    page[isDone ? 'acknowledged' : 'doubtful'] += effect.by;
    pages.set(effect.id, page);
    return;
  }
  const { id, text, version } = effect;
  const state: ItemState = text === undefined ? 'absent' : { text, version };
  const before = items.get(id)?.acknowledged ?? 'absent';
  items.set(id, isDone ? { acknowledged: state, doubtful: undefined } : { acknowledged: before, doubtful: state });
}

function wrongPages(pages: ReadonlyMap<string, PageHistory>, rows: Rows): string[] {
  const found = new Map(rows.pages.map(({ id, hits }) => [id, hits]));
  const strangers = [...found.keys()].filter((id) => !pages.has(id));
  const wrong = [...pages].flatMap(([id, { acknowledged, doubtful }]) => {
    const hits = found.get(id) ?? 0;
    const isRight = hits >= acknowledged && hits <= acknowledged + doubtful;
    return isRight
      ? []
      : [`page ${id} has ${hits} hits, of which ${acknowledged} were acknowledged and ${doubtful} are in doubt`];
  });
  return [...wrong, ...strangers.map((id) => `page ${id} was made by nobody`)];
}

function wrongItems(items: ReadonlyMap<string, ItemHistory>, rows: Rows): string[] {
  const found = new Map(rows.items.map(({ id, text, version }) => [id, { text, version }]));
  const strangers = [...found.keys()].filter((id) => !items.has(id));
  const wrong = [...items].flatMap(([id, { acknowledged, doubtful }]) => {
    const state = JSON.stringify(found.get(id) ?? 'absent');
    const isRight = [acknowledged, doubtful].some((possible) => state === JSON.stringify(possible));
    return isRight
      ? []
      : [
          `item ${id} is ${state}, acknowledged was ${JSON.stringify(acknowledged)}, in doubt ${JSON.stringify(doubtful)}`,
        ];
  });
  return [...wrong, ...strangers.map((id) => `item ${id} was made by nobody`)];
}
