import { expect, it } from 'vitest';
import { adoptFreeShards, adoptShards } from '../../../src/flush/adopt-shards.js';
import { FlushFixture } from './fixture.js';

const ALL = [0, 1, 2, 3];

const WAYS = [
  ['needed for certain', adoptShards],
  ['that are free', adoptFreeShards],
] as const;

it.each(WAYS)('shards %s are held until the last of them is adopted (H20)', async (_, adopt) => {
  await using fixture = await FlushFixture.create();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<'adopted'>();
  const adopting = adopt(
    ALL,
    {
      adopt: async (shard) => {
        if (shard === 3) asked.resolve();
        return answer.promise;
      },
    },
    fixture.sink,
  );
  await asked.promise;
  expect(await freeShards(fixture)).toEqual([]);
  answer.resolve('adopted');
  expect(await adopting).toEqual([]);
  expect(await freeShards(fixture)).toEqual(ALL);
});

it.each(WAYS)(
  'shards %s are held as long as one is being asked for, though another one is refused',
  async (_, adopt) => {
    await using fixture = await FlushFixture.create();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<'adopted'>();
    const adopting = adopt(
      ALL,
      {
        adopt: async (shard) => {
          if (shard === 0) throw new Error('refused');
          if (shard === 3) asked.resolve();
          return answer.promise;
        },
      },
      fixture.sink,
    );
    await asked.promise;
    expect(await freeShards(fixture)).toEqual([]);
    answer.resolve('adopted');
    await expect(adopting).rejects.toThrow('refused');
    expect(await freeShards(fixture)).toEqual(ALL);
  },
);

/** The shards that another process could hold now. */
async function freeShards(fixture: FlushFixture): Promise<number[]> {
  await using transaction = await fixture.openSink().begin(ALL);
  return [...transaction.locked.keys()];
}
