import { expect, test } from 'vitest';
import { PartsLife } from '../../../src/runtime/parts-life.js';

test('an opening that a suspension has given up takes nothing from the one after it', async () => {
  const sinks = { close: async () => undefined, cutOff: () => undefined };
  const openings: PromiseWithResolvers<never>[] = [];
  let stopped = 0;
  const parts = {
    worker: {
      stop: async () => {
        stopped += 1;
        return { left: 0 };
      },
    },
    stager: { close: () => undefined },
    stopHearing: () => undefined,
    sink: {},
    staging: { close: async () => undefined },
  };
  const life = new PartsLife(sinks as never, () => {
    const opening = Promise.withResolvers<never>();
    openings.push(opening);
    return opening.promise;
  });
  const first = life.open();
  const givenUp = first.catch((error: unknown) => error);
  await life.suspend({ timeoutMs: 1 }, () => undefined);
  const second = life.open();
  openings[0]?.reject(new Error('given up'));
  openings[1]?.resolve(parts as never);
  await second;
  expect(await givenUp).toMatchObject({ message: 'given up' });
  expect(life.opened).toBeDefined();
  await life.open();
  expect(openings).toHaveLength(2);
  await life.end({ timeoutMs: 100 }, () => undefined);
  expect(stopped).toBe(1);
});
