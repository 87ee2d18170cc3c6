/** A process that catches whatever its calls reject with. It says what that was, call by call, and ends by itself. */
import { setImmediate as turn } from 'node:timers/promises';
import { Spillway, SpillwayError } from '../../../../src/index.js';
import { say, settings } from '../child.js';
import { Gauge, openGauges, type Place } from '../gauge.js';

const orm = await openGauges(settings() as Place, { stageTimeout: '300ms' });
const service = Spillway.of(orm);
const em = orm.em.fork();

const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  start: () => service.start(),
  flush: async () => {
    em.create(Gauge, { id: 1, value: 1 });
    await em.flush();
  },
  find: () => orm.em.fork().findOne(Gauge, 1),
  increment: () => service.increment(Gauge, 1, { value: 1 }),
  patch: () => service.patch(Gauge, 1, { value: 1 }),
  drain: () => service.drain(undefined, { timeout: '1s' }),
  status: () => service.status(),
  letters: () => service.deadLetters.list(),
};

for (const [call, act] of Object.entries(calls)) {
  try {
    await act();
    say({ call, resolved: true });
  } catch (error) {
    say(
      error instanceof SpillwayError
        ? { call, code: error.code, message: error.message }
        : { call, strange: String(error) },
    );
  }
}
say({ call: 'health', ...(await service.health()) });
// What nobody listens to is known to the process once the turn of the loop in which it was rejected has ended.
for (let turns = 0; turns < 10; turns++) await turn();
await orm.close();
say({ call: 'close' });
