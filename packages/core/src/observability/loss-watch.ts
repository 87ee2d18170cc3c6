import type { SpillwayEventOf, SpillwayEvents } from '../events.js';
import type { Logger } from '../options.js';

type Loss = SpillwayEventOf<'staging-loss'>;

/** A failover shows in one shard after the other; after this time one message covers all of them. */
const SAY_AFTER_MS = 1_000;
/** How long health reports a loss. */
const REMEMBER_MS = 3_600_000;
const MOST_SHARDS = 10;

/**
 * Explains the consequences for the rows when a chain of batches is broken, because Redis or PostgreSQL has lost data.
 */
export class LossWatch {
  readonly #logger: Logger;
  readonly #now: () => number;
  #unsaid: Loss[] = [];
  #timer: NodeJS.Timeout | undefined;
  #said: { readonly text: string; readonly atMs: number }[] = [];

  constructor(events: SpillwayEvents, logger: Logger, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#now = now;
    events.on('staging-loss', (loss) => this.#note(loss));
  }

  /** The losses of the last hour, as sentences. */
  get recent(): readonly string[] {
    this.#said = this.#said.filter(({ atMs }) => this.#now() - atMs <= REMEMBER_MS);
    const unsaid = this.#unsaid.length > 0 ? sentencesOf(this.#unsaid) : [];
    return [...this.#said.map(({ text }) => text), ...unsaid];
  }

  /** Logs the losses not logged yet, for example when the process ends. */
  say(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const losses = this.#unsaid;
    this.#unsaid = [];
    if (losses.length === 0) return;
    for (const text of sentencesOf(losses)) {
      this.#said.push({ text, atMs: this.#now() });
      this.#logger.error(`Spillway: ${text}`);
    }
  }

  #note(loss: Loss): void {
    this.#unsaid.push(loss);
    // The timer must not keep an idle process alive.
    this.#timer ??= setTimeout(() => this.say(), SAY_AFTER_MS).unref();
  }
}

function sentencesOf(losses: readonly Loss[]): readonly string[] {
  const byRedis = losses.filter((loss) => loss.forgot === 'staging');
  const byDatabase = losses.filter((loss) => loss.forgot === 'database');
  const parked = byRedis.reduce((sum, loss) => sum + loss.parked, 0);
  const doubtful = byRedis.reduce((sum, loss) => sum + loss.doubtful, 0);
  const texts: string[] = [];
  if (byRedis.length > 0) {
    texts.push(
      [
        `The staging store has forgotten something in ${shardsOf(byRedis)}: it fell back to an older state, in a ` +
          'failover or a restart, or was emptied or replaced.',
        ...(parked > 0
          ? [
              `${parked} pending records may have been written already and are dead letters STAGING_LOSS now: ` +
                'compare each with its row, then retry or discard it.',
            ]
          : []),
        ...(doubtful > 0 ? [`${doubtful} pending records are settled by the version of their row.`] : []),
        'Whatever else was acknowledged, not yet written and is not pending any more, is lost',
      ].join(' '),
    );
  }
  if (byDatabase.length > 0) {
    texts.push(
      `PostgreSQL has forgotten batches of ${shardsOf(byDatabase)} that were committed once: it was restored, or failed ` +
        'over to a replica that lagged. What is staged is written all the same; what PostgreSQL forgot has left the ' +
        'staging store and is lost',
    );
  }
  return texts;
}

function shardsOf(losses: readonly Loss[]): string {
  const shards = [...new Set(losses.map(({ shard }) => shard))].toSorted((one, other) => one - other);
  const shown = shards.slice(0, MOST_SHARDS).join(', ');
  const more = shards.length > MOST_SHARDS ? `, … (${shards.length} in all)` : '';
  return `${shards.length === 1 ? 'shard' : 'shards'} ${shown}${more}`;
}
