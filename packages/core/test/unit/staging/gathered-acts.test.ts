import { describe, expect, test } from 'vitest';
import { type Act, type ActName, GatheredActs } from '../../../src/staging/redis/gathered-acts.js';
import type { Reply } from '../../../src/staging/redis/connection.js';

/** What each call asks of which shards, and what the shards answer. */
class Server {
  readonly calls: string[] = [];
  readonly acts: GatheredActs;

  constructor(answer: (shard: number, isFirst: boolean) => Reply | Error = (shard) => ['done', shard]) {
    this.acts = new GatheredActs(async (name, acts) => {
      this.calls.push([name, ...acts.map(({ shard }) => shard)].join(' '));
      await Promise.resolve();
      return acts.map(({ shard }, at) => answer(shard, at === 0));
    });
  }

  async ask(name: ActName, shard: number, act: Partial<Act> = {}): Promise<unknown> {
    return this.acts.answerTo(name, { shard, shared: [], own: [], ...act }).then(([, answered]) => answered);
  }
}

test('the same act on several shards, asked in one turn, is one call', async () => {
  const server = new Server();
  const asked = [2, 0, 1].map(async (shard) => server.ask('dueMake', shard));
  expect(server.calls).toEqual([]);
  expect(await Promise.all(asked)).toEqual([2, 0, 1]);
  await server.ask('dueMake', 3);
  expect(server.calls).toEqual(['dueMake 2 0 1', 'dueMake 3']);
});

test('another act, or other arguments that all shards share, is another call', async () => {
  const server = new Server();
  await Promise.all([
    server.ask('dueMake', 0, { shared: [1, 'all'] }),
    server.ask('duePending', 1),
    server.ask('dueMake', 2, { shared: [1, 'rows'] }),
    server.ask('dueMake', 3, { shared: [1, 'all'] }),
  ]);
  expect(server.calls).toEqual(['dueMake 0 3', 'duePending 1', 'dueMake 2']);
});

test('what is asked of one shard leaves in its order', async () => {
  const server = new Server();
  await Promise.all([
    server.ask('dueMake', 0),
    server.ask('duePending', 1),
    server.ask('dueMake', 1),
    server.ask('duePending', 0),
    server.ask('duePending', 0),
  ]);
  expect(server.calls).toEqual(['dueMake 0', 'duePending 1 0', 'dueMake 1', 'duePending 0']);
});

test('what has to leave before something else can be sent at once', async () => {
  const server = new Server();
  const first = server.ask('dueMake', 0);
  server.acts.leave();
  expect(server.calls).toEqual(['dueMake 0']);
  const second = server.ask('dueMake', 1);
  await Promise.all([first, second]);
  expect(server.calls).toEqual(['dueMake 0', 'dueMake 1']);
});

describe('a call keeps Redis busy for a while only:', () => {
  test('of acts on many rows some go together', async () => {
    const server = new Server();
    const shares = [0.5, 0.4, 0.2, 3, 0.1];
    await Promise.all(shares.map(async (share, shard) => server.ask('dueMake', shard, { share })));
    expect(server.calls).toEqual(['dueMake 0 1', 'dueMake 2 4', 'dueMake 3']);
  });

  test('of acts on many shards 64 go together', async () => {
    const server = new Server();
    await Promise.all(Array.from({ length: 130 }, async (_, shard) => server.ask('dueMake', shard)));
    expect(server.calls.map((call) => call.split(' ').length - 1)).toEqual([64, 64, 2]);
  });

  test('shards for which it was too late are asked again, until each has answered', async () => {
    const server = new Server((shard, isFirst) => (isFirst ? ['done', shard] : ['later']));
    expect(await Promise.all([0, 1, 2].map(async (shard) => server.ask('dueMake', shard)))).toEqual([0, 1, 2]);
    expect(server.calls).toEqual(['dueMake 0 1 2', 'dueMake 1 2', 'dueMake 2']);
  });
});

test('an error of one shard is the trouble of its caller alone; one of the whole call is that of all', async () => {
  const odd = new Server((shard) => (shard % 2 === 1 ? new Error(`shard ${shard}`) : ['done', shard]));
  const answers = await Promise.allSettled([0, 1, 2].map(async (shard) => odd.ask('dueMake', shard)));
  expect(answers).toMatchObject([{ value: 0 }, { reason: { message: 'shard 1' } }, { value: 2 }]);

  const silent = new GatheredActs(async () => Promise.reject(new Error('no answer')));
  const asked = [0, 1].map(async (shard) => silent.answerTo('dueMake', { shard, shared: [], own: [] }));
  expect(await Promise.allSettled(asked)).toMatchObject([
    { reason: { message: 'no answer' } },
    { reason: { message: 'no answer' } },
  ]);
});
