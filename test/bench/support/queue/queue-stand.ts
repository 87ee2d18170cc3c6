import type { Ground } from '../../process/side.js';
import { bare, type Stand } from '../stands.js';
import { writeItems, type ItemJob } from './queued-items.js';
import { QueueWorker, WriteQueue } from './write-queue.js';

export interface QueueStand extends Stand {
  readonly queue: WriteQueue<ItemJob>;
  /** A look-up by key: the copy of the row that Redis has, else its row in PostgreSQL, of which it then has a copy. */
  readonly find: (id: number) => Promise<Found>;
  /** Saves what was found, unless somebody else has saved the row meanwhile: the copy first, then the job. */
  readonly save: (found: Found) => Promise<boolean>;
  /** Has the worker write all jobs, which it does not take otherwise. */
  readonly written: () => Promise<void>;
}

/** A row as a look-up finds it. */
interface Found {
  readonly id: number;
  stock: number;
  readonly version: number;
}

const COPY_SECONDS = 3_600;

const compareAndSet = `
  local copy = redis.call('GET', KEYS[1])
  if copy and cjson.decode(copy).version ~= tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ${COPY_SECONDS})
  return 1`;

/**
 * Items in a write-behind by hand. It leaves open what Spillway does not: a process that dies between copy and job has
 * a copy that PostgreSQL never gets, and queries other than look-ups by key do not see what waits.
 */
export async function queued(ground: Ground, rows: number): Promise<QueueStand> {
  const stand = await bare(ground, rows);
  const queue = new WriteQueue<ItemJob>(ground);
  const worker = await QueueWorker.make(ground, writeItems);
  const sha = String(await queue.redis.script('LOAD', compareAndSet));
  const keyOf = (id: number): string => `${ground.namespace}:copy:${id}`;
  return {
    ...stand,
    queue,
    async find(id) {
      const copy = await queue.redis.get(keyOf(id));
      if (copy !== null) return JSON.parse(copy) as Found;
      const text =
        'select id, title, note, price, weight, stock, views, is_listed, changed_at, version from item where id = $1';
      const { rows: found } = await stand.pool.query<Found>({ name: 'find', text, values: [id] });
      const [row] = found;
      if (!row) throw new Error(`There is no item ${id}.`);
      await queue.redis.set(keyOf(id), JSON.stringify(row), 'EX', COPY_SECONDS, 'NX');
      return row;
    },
    async save(found) {
      const next = JSON.stringify({ ...found, version: found.version + 1 });
      if ((await queue.redis.evalsha(sha, 1, keyOf(found.id), found.version, next)) !== 1) return false;
      await queue.add({ id: found.id, values: { stock: found.stock } });
      return true;
    },
    async written() {
      worker.start();
      await queue.written();
      await worker.pause();
    },
    async close() {
      await worker.close();
      await queue.close();
      await stand.close();
    },
  };
}
