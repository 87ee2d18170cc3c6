import type { Durability, RedisClusterOptions, RedisNodes, RedisTarget } from '@spillway/core';
import type { ShopKind } from '../shop/kind.js';

/** The settings that every process of a shop shares. */
export interface Settings {
  readonly kind: ShopKind;
  readonly databaseUrl: string;
  readonly redis: RedisTarget | RedisNodes | RedisClusterOptions;
  readonly durability: Durability;
  readonly namespace: string;
  readonly seed: string;
  /** Where the journals are. */
  readonly journals: string;
}

const variable = 'SPILLWAY_SHOP';

/** By the environment and not by arguments, which anybody can read: addresses hold passwords. */
export function settingsForChild(settings: Settings): NodeJS.ProcessEnv {
  return { ...process.env, [variable]: JSON.stringify(settings) };
}

export function readSettings(): Settings {
  const json = process.env[variable];
  if (json === undefined) throw new Error('This is a part of the shop and is started by it: run `npm start`.');
  return JSON.parse(json) as Settings;
}
