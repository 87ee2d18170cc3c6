import { OptimisticLockError, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import type { Spillway } from '@spillway/core';
import { Trail, type Write } from './trail.js';
import type { Book } from './shelf.js';

type Property = 'title' | 'place';

/** Steps of writers who each have an entity manager, of a program past Spillway, and of the worker. */
export type Step =
  | { readonly act: 'load'; readonly writer: number; readonly by: 'key' | 'query' | 'refresh' }
  | { readonly act: 'change'; readonly writer: number; readonly property: Property }
  | { readonly act: 'native'; readonly property: Property }
  | { readonly act: 'transaction'; readonly property: Property; readonly way: 'through' | 'stage' }
  | { readonly act: 'sql'; readonly property: Property }
  | { readonly act: 'drain' };

interface Shelf {
  readonly orm: MikroORM;
  readonly spill: Spillway;
}

/** Plays a program on one new row, and answers the acknowledged writes that are lost in silence. */
export async function play(shelf: Shelf, book: Book, id: number, steps: readonly Step[]): Promise<Write[]> {
  const player = new Player(shelf, book, id);
  await player.begin();
  for (const step of steps) await player.take(step);
  return player.lost();
}

class Player {
  readonly #shelf: Shelf;
  readonly #book: Book;
  readonly #id: number;
  readonly #trail = new Trail();
  readonly #managers = new Map<number, EntityManager>();
  #marks = 0;

  constructor(shelf: Shelf, book: Book, id: number) {
    this.#shelf = shelf;
    this.#book = book;
    this.#id = id;
  }

  async begin(): Promise<void> {
    const em = this.#shelf.orm.em.fork();
    em.create(this.#book, { id: this.#id });
    await em.flush();
    await this.#shelf.spill.drain();
  }

  async take(step: Step): Promise<void> {
    switch (step.act) {
      case 'load':
        return this.#load(step.writer, step.by);
      case 'change':
        return this.#change(step.writer, step.property);
      case 'native':
        return this.#native(step.property);
      case 'transaction':
        return this.#transaction(step.property, step.way);
      case 'sql':
        return this.#sql(step.property);
      case 'drain':
        await this.#shelf.spill.drain();
    }
  }

  async lost(): Promise<Write[]> {
    while ((await this.#shelf.spill.pending(this.#book, this.#id)) !== undefined) await this.#shelf.spill.drain();
    const [row] = await this.#rows();
    const letters = await this.#shelf.spill.deadLetters.list({ entity: this.#book, limit: 500 });
    const lost = this.#trail.lost({
      row: row ?? {},
      letters: letters.filter(({ rowKey }) => rowKey.endsWith(`"${this.#id}"]`)).map(({ record }) => record.values),
    });
    // That SQL is written over is what this policy says.
    return this.#book.meta.className === 'Over' ? lost.filter(({ bySql }) => !bySql) : lost;
  }

  async #load(writer: number, by: 'key' | 'query' | 'refresh'): Promise<void> {
    const known = this.#managers.get(writer);
    const em = by === 'refresh' && known ? known : this.#shelf.orm.em.fork();
    this.#managers.set(writer, em);
    if (by === 'query') await em.find(this.#book, { id: { $gte: this.#id, $lte: this.#id } });
    else await em.findOne(this.#book, this.#id, { refresh: by === 'refresh' });
  }

  async #change(writer: number, property: Property): Promise<void> {
    const em = this.#managers.get(writer);
    const row = em?.getUnitOfWork().getById(this.#book, this.#id) as Record<Property, string> | undefined;
    if (!em || !row) return;
    const write = this.#next(property, row[property]);
    row[property] = write.mark;
    if (await accepted(em.flush())) this.#trail.add(write);
    else this.#managers.delete(writer);
  }

  /** It reads the row itself, past copies, so it knows what it writes over; it does not say what that was. */
  async #native(property: Property): Promise<void> {
    const before = await this.#shelf.orm.em.fork().findOneOrFail(this.#book, this.#id, { refresh: true });
    const write = this.#next(property, before[property]);
    await this.#shelf.orm.em.fork().nativeUpdate(this.#book, { id: this.#id }, { [property]: write.mark });
    this.#trail.add(write);
  }

  async #transaction(property: Property, way: 'through' | 'stage'): Promise<void> {
    let write: Write | undefined;
    const done = this.#shelf.orm.em.fork().transactional(
      async (em) => {
        const row = await em.findOneOrFail(this.#book, this.#id);
        write = this.#next(property, row[property]);
        row[property] = write.mark;
      },
      { spillway: way },
    );
    if ((await accepted(done)) && write) this.#trail.add(write);
  }

  async #sql(property: Property): Promise<void> {
    const { mark } = this.#next(property, undefined);
    const [before] = await this.#rows(
      `update "${this.#table}" as t set "${property}" = ?, version = t.version + 1 from (select * from "${this.#table}" where id = ? for update) as b where t.id = b.id returning b.*`,
      [mark, this.#id],
    );
    this.#trail.add({ mark, property, over: before?.[property] as string | undefined, bySql: true });
  }

  async #rows(
    text = `select * from "${this.#table}" where id = ?`,
    values: readonly unknown[] = [this.#id],
  ): Promise<Record<string, unknown>[]> {
    return this.#shelf.orm.em.getConnection().execute(text, [...values]);
  }

  get #table(): string {
    return this.#shelf.orm.getMetadata().get(this.#book.class).tableName;
  }

  #next(property: Property, over: string | undefined): Write {
    this.#marks += 1;
    return { mark: `m${this.#marks}`, property, over, bySql: false };
  }
}

/** Whether it was acknowledged. A writer who was overtaken is told so. */
async function accepted(done: Promise<unknown>): Promise<boolean> {
  try {
    await done;
    return true;
  } catch (error) {
    if (error instanceof OptimisticLockError) return false;
    throw error;
  }
}
