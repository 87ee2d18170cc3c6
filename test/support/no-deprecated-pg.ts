import { afterAll } from 'vitest';

/** What `pg` takes back with its next major version it says once in a process. Who relies on it fails, by place. */
const SAID_BY_PG = /removed in pg@9/;

const said: Error[] = [];
process.on('warning', (warning) => {
  if (SAID_BY_PG.test(warning.message)) said.push(warning);
});

afterAll(() => {
  const [first] = said;
  if (first) throw new Error(`pg has warned: ${first.message}\n${first.stack}`);
});
