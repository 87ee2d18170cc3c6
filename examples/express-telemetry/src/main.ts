import 'reflect-metadata';
import { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { telemetry } from './app.js';
import { telemetryConfig } from './orm-config.js';

const orm = await MikroORM.init(
  telemetryConfig({
    databaseUrl: process.env['DATABASE_URL'] ?? 'postgres://localhost:5432/telemetry',
    redisUrl: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
  }),
);
await orm.schema.update();
const service = Spillway.of(orm);
service.on('dead-letter', ({ entity, rowKey, code, reason }) =>
  console.error('dead letter', entity, rowKey, code, reason),
);
await service.start();

const { app, refuse } = telemetry(orm);
const server = app.listen(Number(process.env['PORT'] ?? 3000), () => console.log('listening on', server.address()));

process.once('SIGTERM', () => {
  refuse(); // the load balancer learns first
  service.stopWithin('25s'); // Kubernetes kills after 30
  server.close(() => void end()); // what has come is answered
});

async function end(): Promise<void> {
  const { left } = await service.stop(); // what is staged is written
  console.log('stopped, shards with something left:', left);
  await orm.close();
}
