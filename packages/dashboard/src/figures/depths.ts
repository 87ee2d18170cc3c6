import type { ShardDepth, Spillway } from '@spillway/core';
import type { Depths } from '../wire.js';

/** One answer serves all who ask within this time: each asks every shard. */
const FRESH_MS = 2_000;

/** How much waits by shard, server and entity. */
export class DepthLook {
  readonly #spillway: Spillway;
  #last: { readonly atMs: number; readonly answer: Promise<Depths> } | undefined;

  constructor(spillway: Spillway) {
    this.#spillway = spillway;
  }

  async now(): Promise<Depths> {
    if (this.#last && performance.now() - this.#last.atMs < FRESH_MS) return this.#last.answer;
    const answer = this.#spillway.depths().then(depthsOf);
    this.#last = { atMs: performance.now(), answer };
    answer.catch(() => {
      this.#last = undefined;
    });
    return answer;
  }
}

function depthsOf(shards: readonly ShardDepth[]): Depths {
  const servers = [...new Set(shards.map(({ server = 'this process' }) => server))];
  const places = new Map(servers.map((server, place) => [server, place]));
  const oldest = new Map<string, number>();
  for (const { oldestMs } of shards)
    for (const [entity, ms] of Object.entries(oldestMs)) oldest.set(entity, Math.max(oldest.get(entity) ?? 0, ms));
  return {
    servers,
    shards: shards.map(({ shard, server = 'this process', dirty, inFlight, dead, oldestMs }) => [
      shard,
      places.get(server) ?? 0,
      dirty,
      inFlight,
      dead,
      Object.values(oldestMs).reduce((most, ms) => Math.max(most, ms), 0),
    ]),
    oldestMs: Object.fromEntries(oldest),
  };
}
