import { defineConfig } from '@mikro-orm/postgresql';
import { spillway } from '@spillway/core';
import { DeviceState } from './device-state.js';
import { Reading } from './reading.js';

export interface Settings {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

export function telemetryConfig({ databaseUrl, redisUrl }: Settings) {
  return defineConfig({
    entities: [Reading, DeviceState],
    clientUrl: databaseUrl,
    useBatchUpdates: false, // before MikroORM 7.2.5: each update compares its version
    extensions: [spillway({ redis: redisUrl, namespace: 'telemetry', tables: { ensure: true } })],
  });
}
