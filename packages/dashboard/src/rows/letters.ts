import type { MikroORM } from '@mikro-orm/core';
import { type DeadLetter, SpillwayError, type Spillway, type ComparedLetter } from '@spillway/core';
import { Refused } from '../http/answers.js';
import type { ActReport, LetterDetail, LetterId, LetterList, LetterSummary, RowView } from '../wire.js';
import { keyText } from './key-text.js';
import { metadataOf, type ShownValues } from './shown-values.js';

/** Most letters of one answer, and of one act by number. */
export const MOST_LETTERS = 200;

/** Which letters are meant; the page names an entity as its class is called. */
export interface LetterFilter {
  readonly entity?: string | undefined;
  readonly code?: string | undefined;
}

/** The dead letters as the page sees them. */
export class Letters {
  readonly #orm: MikroORM;
  readonly #spillway: Spillway;
  readonly #values: ShownValues;

  constructor(orm: MikroORM, spillway: Spillway, values: ShownValues) {
    this.#orm = orm;
    this.#spillway = spillway;
    this.#values = values;
  }

  async list(filter: LetterFilter, offset: number, limit: number): Promise<LetterList> {
    const page = { ...this.#filter(filter), offset, limit: limit + 1 };
    const letters = await this.#spillway.deadLetters.list(page);
    return {
      letters: letters.slice(0, limit).map(summaryOf),
      offset,
      more: letters.length > limit,
    };
  }

  /** @throws Refused 404 */
  async detail(which: LetterId): Promise<LetterDetail> {
    const { letter, row, rowView } = await this.#compared(which);
    const { entity } = letter.record;
    return {
      ...summaryOf(letter),
      ...(letter.message !== undefined && this.#values.mayQuote(entity) && { message: letter.message }),
      record: this.#values.record(letter.record, entity),
      row: rowView,
      values: this.#values.views(letter.record, row, entity, true),
    };
  }

  async retry(
    letters: readonly LetterId[],
    force: boolean,
    values?: Readonly<Record<string, unknown>>,
  ): Promise<ActReport> {
    if (values) await this.#assertMayEdit(letters, values);
    return this.#each(letters, async (letter) => {
      const became = await this.#spillway.deadLetters.retry(letter, { force, ...(values && { values }) });
      return became === 'staged' ? 'done' : became;
    });
  }

  async discard(letters: readonly LetterId[]): Promise<ActReport> {
    return this.#each(letters, async (letter) =>
      (await this.#spillway.deadLetters.discard(letter)) ? 'done' : 'absent',
    );
  }

  async retryAll(filter: LetterFilter, force: boolean): Promise<ActReport> {
    const { staged, newer, refused, refusal } = await this.#spillway.deadLetters.retryAll(this.#filter(filter), {
      force,
    });
    return { done: staged, newer, absent: 0, refused, ...(refusal && { refusal: refusal.message }) };
  }

  async discardAll(filter: LetterFilter): Promise<ActReport> {
    const { discarded } = await this.#spillway.deadLetters.discardAll(this.#filter(filter));
    return { ...NOTHING, done: discarded };
  }

  /** Where the database does not answer, the letter is shown without it. */
  async #compared(
    which: LetterId,
  ): Promise<Partial<ComparedLetter> & Pick<ComparedLetter, 'letter'> & { rowView: RowView }> {
    try {
      const found = await this.#spillway.deadLetters.compare(which);
      if (!found) throw noLetter();
      return { ...found, rowView: rowViewOf(found.row) };
    } catch (error) {
      if (error instanceof Refused) throw error;
      const letter = await this.#spillway.deadLetters.get(which);
      if (!letter) throw noLetter();
      return { letter, rowView: { isThere: false, problem: textOf(error) } };
    }
  }

  /** A person replaces only what the page has shown. @throws Refused 403 */
  async #assertMayEdit([which]: readonly LetterId[], values: Readonly<Record<string, unknown>>): Promise<void> {
    const letter = which && (await this.#spillway.deadLetters.get(which));
    if (!letter) throw noLetter();
    const hidden = Object.keys(values).find((name) => !this.#values.isShown(letter.record.entity, name));
    if (hidden !== undefined)
      throw new Refused(403, `The value of ${hidden} is hidden here, so it cannot be replaced here`);
  }

  async #each(
    letters: readonly LetterId[],
    act: (letter: LetterId) => Promise<'done' | 'newer' | 'absent'>,
  ): Promise<ActReport> {
    const counts = { ...NOTHING };
    let refusal: string | undefined;
    for (const letter of letters)
      try {
        counts[await act(letter)] += 1;
      } catch (error) {
        if (!(error instanceof SpillwayError)) throw error;
        counts.refused += 1;
        refusal ??= error.message;
      }
    return { ...counts, ...(refusal !== undefined && { refusal }) };
  }

  /** @throws Refused 400 for an entity that the ORM does not have */
  #filter({ entity, code }: LetterFilter) {
    const metadata = entity === undefined ? undefined : metadataOf(this.#orm, entity);
    if (entity !== undefined && !metadata) throw new Refused(400, `There is no entity ${entity}`);
    return { ...(metadata && { entity: metadata.class }), ...(code !== undefined && { code }) };
  }
}

const NOTHING = { done: 0, newer: 0, absent: 0, refused: 0 };

export function summaryOf({ shard, id, rowKey, code, reason, atMs, record }: DeadLetter): LetterSummary {
  return {
    shard,
    id,
    entity: record.entity,
    key: keyText(rowKey),
    kind: record.kind,
    code,
    reason,
    atMs,
    properties: [...Object.keys(record.values), ...Object.keys(record.deltas)],
  };
}

export function rowViewOf(row: ComparedLetter['row']): RowView {
  return { isThere: row !== undefined, ...(row?.version !== undefined && { version: row.version }) };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function noLetter(): Refused {
  return new Refused(404, 'There is no such dead letter any more: it was retried, discarded or dropped');
}
