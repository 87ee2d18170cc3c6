import type { SpillwayOptions } from '@spillway/core';
import { cluster, redis, sentinels } from '@spillway/test-support';
import { Redis } from 'ioredis';

type Settings = Readonly<Record<string, string>>;

/** A server that may be maltreated. No other one takes its place. */
interface Victim {
  readonly url: string;
  /** Kills it. */
  kill(): Promise<void>;
  /** Starts it again after that, on its port and on its data. */
  restart(): Promise<void>;
  /** It still accepts connections, and answers nothing. */
  pause(): void;
  resume(): void;
}

/** The Redis servers of one test. */
export interface Servers extends AsyncDisposable {
  readonly redis: NonNullable<SpillwayOptions['redis']>;
  /** All that have shards. */
  readonly victims: readonly Victim[];
}

/** The ways in which Redis is run, by the word that `npm start -- --topology` has for each. */
export const TOPOLOGIES: Readonly<Record<string, (settings?: Settings) => Promise<Servers>>> = {
  single: async (settings) => ofNodes(1, settings),
  nodes: async (settings) => ofNodes(3, settings),
  async cluster(settings) {
    const started = await cluster(3, 0, () => settings ?? {});
    const victims = started.servers.map((server) => ({
      url: server.url,
      kill: async () => server.stop(),
      restart: async () => server.restart(),
      pause: () => void process.kill(server.pid, 'SIGSTOP'),
      resume: () => void process.kill(server.pid, 'SIGCONT'),
    }));
    return { redis: started.target, victims, [Symbol.asyncDispose]: async () => started[Symbol.asyncDispose]() };
  },
  async sentinel(settings) {
    // No test is so long that the sentinels would act.
    const started = await sentinels({ downAfterMs: 600_000, ...(settings && { primary: settings }) });
    const victim = {
      url: started.primaryUrl,
      kill: async () => started.kill(),
      restart: async () => started.restart(),
      pause: () => started.freeze(),
      resume: () => started.thaw(),
    };
    return {
      redis: { ...started.target, sentinels: [...started.target.sentinels] },
      victims: [victim],
      [Symbol.asyncDispose]: async () => started[Symbol.asyncDispose](),
    };
  },
};

async function ofNodes(count: number, settings?: Settings): Promise<Servers> {
  const started = await Promise.all(Array.from({ length: count }, async () => redis(settings)));
  const [first] = started;
  const nodes = started.map(({ url }, place) => ({ name: `node-${place}`, redis: url }));
  return {
    redis: count === 1 && first ? first.url : { nodes },
    victims: started.map((server) => ({
      url: server.url,
      kill: async () => server.kill9(),
      restart: async () => server.restart(),
      pause: () => server.pause(),
      resume: () => server.resume(),
    })),
    [Symbol.asyncDispose]: async () => void (await Promise.all(started.map(async (server) => server.stop()))),
  };
}

/** A command to each of the servers. */
export async function commandAll({ victims }: Servers, name: string, ...args: readonly string[]): Promise<void> {
  for (const { url } of victims) {
    const client = new Redis(url);
    try {
      await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }
}
