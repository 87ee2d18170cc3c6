import { expect, test } from 'vitest';
import { Home } from '../../../src/sink/postgres/home.js';

const ROW = { started: '1', number: '2', name: 'shop', role: 'app', path: 'public', schemas: 'public' };

test('whoever waits for a connection of the ORM is told at once when that is given up, and may ask again', async () => {
  const answers: ((rows: readonly object[]) => void)[] = [];
  const home = new Home(
    (act) => act(async () => new Promise((resolve) => answers.push(resolve))),
    () => '',
  );
  const waiting = home.ask();
  home.forget();
  await expect(waiting).rejects.toMatchObject({
    name: 'SinkDown',
    message: 'Spillway was stopped before the ORM had lent a connection',
  });
  const again = home.ask();
  // Too late: nobody takes it for the answer to the second question, or for its failure.
  answers[0]?.([ROW]);
  answers[1]?.([ROW]);
  await again;
  await home.ask();
  expect(answers).toHaveLength(2);
});
