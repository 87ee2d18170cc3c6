/**
 * A process whose listeners, logger and conflict function all fail. It stages, writes, meets a conflict, and ends by
 * itself.
 */
import { MikroORM } from '@mikro-orm/postgresql';
import { eventually } from '@spillway/test-support';
import { map } from 'rxjs';
import { Spillway, spillway, type Logger, type SpillwayOptions } from '../../../../src/index.js';
import { say, settings } from '../child.js';
import { Gauge, type Place } from '../gauge.js';
import { runSql } from '../sql.js';

const { databaseUrl, redisUrl, namespace } = settings() as Place;

let logged = 0;
const logger: Logger = {
  warn: () => {
    logged += 1;
    throw new Error('no paper');
  },
  // oxlint-disable-next-line typescript/no-misused-promises -- what is tested
  error: async () => {
    logged += 1;
    throw new Error('no ink');
  },
};
const conflict = async (): Promise<never> => {
  throw new Error('no idea');
};
const options = {
  redis: redisUrl,
  namespace,
  shards: 1,
  tables: { ensure: true },
  logger,
  defaults: { debounce: '10ms', conflict },
} as unknown as SpillwayOptions;

const orm = await MikroORM.init({ entities: [Gauge], clientUrl: databaseUrl, extensions: [spillway(options)] });
const service = Spillway.of(orm);
for (const name of ['staged', 'written', 'dead-letter', 'drained'] as const) {
  service.on(name, async () => Promise.reject(new Error('no time')));
  service.on(name, () => say({ heard: name }));
}
service.events$.subscribe(() => {
  throw new Error('no interest');
});
service.events$
  .pipe(
    map(() => {
      throw new Error('no sense');
    }),
  )
  .subscribe();

const em = orm.em.fork();
em.create(Gauge, { id: 1, value: 1 });
await em.flush();
await service.drain();
const gauge = await orm.em.fork().findOneOrFail(Gauge, 1);
await runSql(databaseUrl, 'update gauge set value = 7, version = 7');
await service.patch(Gauge, 1, { value: 2 }, { version: gauge.version });
await service.drain();
say({ letters: (await service.deadLetters.list()).map(({ reason }) => reason) });

const before = logged;
await runSql(
  databaseUrl,
  `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'spillway' and datname = current_database()`,
);
await eventually(() => logged > before, { what: 'the lost connections to be logged' });
await orm.close();
say({ end: true });
