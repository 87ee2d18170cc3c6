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
    extensions: [spillway({ redis: redisUrl, namespace: 'telemetry', tables: { ensure: true } })],
  });
}
