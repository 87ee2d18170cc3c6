import { expect, test } from 'vitest';
import { sharesOf } from './report/where-time-goes.js';

test('the time of a profile is shared out by whose file a function is in', () => {
  const frame = (id: number, functionName: string, url: string) => ({ id, callFrame: { functionName, url } });
  const shares = sharesOf({
    nodes: [
      frame(1, '(idle)', ''),
      frame(2, '(garbage collector)', ''),
      frame(3, 'runMicrotasks', ''),
      frame(4, 'flush', 'file:///a/packages/core/dist/flush/worker.js'),
      frame(5, 'flush', 'file:///a/node_modules/@mikro-orm/core/EntityManager.js'),
      frame(6, 'writev', 'node:net'),
    ],
    samples: [1, 2, 3, 4, 5, 6, 4],
    timeDeltas: [10, 10, 10, 10, 10, 10, 40],
  });
  expect(Object.fromEntries(shares)).toEqual({
    idle: 0.1,
    garbage: 0.1,
    V8: 0.1,
    Spillway: 0.5,
    MikroORM: 0.1,
    Node: 0.1,
  });
});
