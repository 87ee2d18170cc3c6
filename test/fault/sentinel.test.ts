import { eventually, freshNamespace, sentinels } from '@spillway/test-support';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { Item } from './programs/site.js';
import { breakGround, type Ground } from './support/ground.js';

/**
 * How long the primary is frozen, and how long afterwards the load goes on: until then, it would take writes that are
 * thrown away.
 */
const FROZEN_MS = 6_000;
const AFTERWARDS_MS = 12_000;

/** Options of a client that would keep it from noticing. */
const HOSTILE = {
  lazyConnect: true,
  failoverDetector: false,
  sentinelMaxConnections: 0,
  sentinelRetryStrategy: () => null,
  sentinelReconnectStrategy: () => null,
} as const;

/** Flushes one new row after the other, and remembers those whose flush was resolved. */
class Inserts {
  readonly resolved: string[] = [];
  readonly failed: unknown[] = [];
  readonly #ground: Ground;
  readonly #prefix = freshNamespace();
  #isOn = true;
  #isHeld = false;
  #running: Promise<void>;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#running = this.#run();
  }

  /** Whatever is on its way is over when this resolves. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    await this.#running;
  }

  goOn(): void {
    this.#isHeld = false;
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isOn = false;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isOn && !this.#isHeld) {
      const em = this.#ground.orm.em.fork();
      const id = `${this.#prefix}#${this.resolved.length + this.failed.length}`;
      em.create(Item, { id, text: 'kept' });
      try {
        await em.flush();
        this.resolved.push(id);
      } catch (error) {
        this.failed.push(error);
        await pause(20);
      }
    }
  }
}

/** Rows whose flush was resolved, and that are nowhere: not in PostgreSQL, not staged, not among the dead letters. */
async function lost({ resolved }: Inserts, ground: Ground): Promise<readonly string[]> {
  await ground.spillway.drain(undefined, { timeout: '60s' });
  const { items } = await ground.rows();
  const letters = await ground.spillway.deadLetters.list({ limit: 1_000 });
  const found = new Set([...items.map(({ id }) => id), ...letters.map(({ rowKey }) => String(JSON.parse(rowKey)[2]))]);
  return resolved.filter((id) => !found.has(id));
}

describe('behind Sentinel, a primary that is frozen and replaced takes no acknowledged flush with it', () => {
  test.each([
    { load: 'under steady load', given: 'options' },
    { load: 'when idle before', given: 'options' },
    { load: 'under steady load', given: 'a client' },
  ])(
    '$load, with $given',
    async ({ load, given }) => {
      await using servers = await sentinels({ downAfterMs: 1_000 });
      const client = new Redis({ ...servers.target, ...HOSTILE, sentinels: [...servers.target.sentinels] });
      const target = given === 'options' ? { ...servers.target, sentinels: [...servers.target.sentinels] } : client;
      const warnings: string[] = [];
      const logger = { warn: (line: string) => void warnings.push(line), error: () => undefined };
      await using ground = await breakGround({
        redis: target,
        spillway: { worker: true, stageTimeout: '500ms', logger },
      });
      const inserts = new Inserts(ground);
      await eventually(() => inserts.resolved.length >= 50, { what: '50 flushes', timeoutMs: 60_000 });
      // Replication is not at fault here: the replica has all that was acknowledged when the primary is frozen.
      await inserts.hold();
      await servers.caughtUp();
      servers.freeze();
      const before = inserts.resolved.length;
      if (load === 'under steady load') inserts.goOn();
      await Promise.all([servers.failedOver(), pause(FROZEN_MS)]);
      servers.thaw();
      if (load === 'when idle before') inserts.goOn();
      await Promise.all([pause(AFTERWARDS_MS), servers.demoted()]);
      await inserts.end();
      expect(inserts.resolved.length).toBeGreaterThan(before + 50);
      expect(await lost(inserts, ground)).toEqual([]);
      expect(warnings).toContainEqual(
        expect.stringMatching(
          /another Redis answers at "shop" by the sentinels \S+, \S+, \S+ than before, after a failover/u,
        ),
      );
      client.disconnect();
    },
    180_000,
  );
});
