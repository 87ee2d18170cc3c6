import { setTimeout } from 'node:timers/promises';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Ground } from '../../process/side.js';

/** Most jobs of one transaction, and active ones of a worker. */
const BATCH = 500;
/** How long the first job of a batch waits for others, ms. */
const LINGER = 10;

const NAME = 'writes';

/** Jobs that are removed when they are done, and tried again when they fail. */
const options = {
  removeOnComplete: true,
  attempts: 5,
  backoff: { type: 'exponential', delay: 100 },
} as const;

/**
 * A write-behind by hand, as careful applications have it today: a BullMQ job for each unit of work. `QueueWorker`
 * writes jobs in batches.
 */
export class WriteQueue<Data> {
  readonly redis: Redis;
  readonly #queue: Queue<Data>;

  constructor({ redisUrl, namespace }: Ground) {
    this.redis = new Redis(redisUrl);
    this.#queue = new Queue<Data>(NAME, { connection: this.redis, prefix: namespace });
  }

  /** Resolves when Redis has the job. */
  async add(data: Data): Promise<void> {
    await (this.#queue as Queue).add('write', data, options);
  }

  /** Resolves when no job is left; rejects if one has failed for good. */
  async written(): Promise<void> {
    for (;;) {
      const { failed = 0, ...left } = await this.#queue.getJobCounts('failed', 'waiting', 'active', 'delayed');
      if (failed > 0) throw new Error(`${failed} jobs have failed.`);
      if (Object.values(left).every((count) => count === 0)) return;
      await setTimeout(5);
    }
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.redis.disconnect();
  }
}

/** Writes a batch, in the order in which its jobs were added. */
type WriteBatch<Data> = (client: pg.PoolClient, batch: readonly Data[]) => Promise<void>;

interface Waiting<Data> {
  readonly id: string;
  readonly data: Data;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Takes jobs and writes them in batches: a transaction for each, one batch after the other, so that changes of one row
 * keep their order. A job is done when its transaction has committed. BullMQ may run a job twice, so each leaves its
 * number in the transaction, and one whose number is there is left out.
 */
export class QueueWorker<Data> {
  readonly #worker: Worker<Data>;
  readonly #redis: Redis;
  readonly #pool: pg.Pool;
  readonly #write: WriteBatch<Data>;
  #waiting: Waiting<Data>[] = [];
  #isWriting = false;

  private constructor({ redisUrl, namespace }: Ground, pool: pg.Pool, write: WriteBatch<Data>) {
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    this.#pool = pool;
    this.#write = write;
    this.#worker = new Worker<Data>(NAME, async (job) => this.#take(job), {
      connection: this.#redis,
      prefix: namespace,
      concurrency: BATCH,
      autorun: false,
    });
    // It would end the process. What it tells of is seen by the jobs that are left.
    this.#worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
  }

  /** Not yet running. */
  static async make<Data>(ground: Ground, write: WriteBatch<Data>): Promise<QueueWorker<Data>> {
    const pool = new pg.Pool({ connectionString: ground.databaseUrl, max: 1 });
    await pool.query('create table if not exists written_job (id text primary key)');
    return new QueueWorker(ground, pool, write);
  }

  /** Takes jobs from now on. */
  start(): void {
    if (this.#worker.isPaused()) void this.#worker.resume();
    else if (!this.#worker.isRunning()) void this.#worker.run();
  }

  /** Takes no further jobs, until it is started again. */
  async pause(): Promise<void> {
    await this.#worker.pause();
  }

  async close(): Promise<void> {
    await this.#worker.close();
    this.#redis.disconnect();
    await this.#pool.end();
  }

  #take({ id = '', data }: Job<Data>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, data, resolve, reject });
      void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await setTimeout(LINGER);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH).toSorted((a, b) => Number(a.id) - Number(b.id));
      try {
        await this.#writeOnce(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isWriting = false;
  }

  async #writeOnce(batch: readonly Waiting<Data>[]): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query<{ id: string }>({
        name: 'once',
        text: 'insert into written_job select unnest($1::text[]) on conflict do nothing returning id',
        values: [batch.map(({ id }) => id)],
      });
      const fresh = new Set(rows.map(({ id }) => id));
      await this.#write(
        client,
        batch.filter(({ id }) => fresh.has(id)).map(({ data }) => data),
      );
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  }
}
