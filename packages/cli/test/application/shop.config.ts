/** The configuration of an application, as the command line finds it. What differs between tests is in variables. */
import { defineConfig } from '@mikro-orm/postgresql';
import { spillway, type SpillwayOptions } from '@spillway/core';
import { Customer, Product } from './entities.js';

if (process.env['SHOP_TALKS'] !== undefined) console.log('the shop is configured');

const options = JSON.parse(process.env['SHOP_SPILLWAY'] ?? '{}') as SpillwayOptions;

export default defineConfig({
  entities: [Product, Customer],
  clientUrl: process.env['SHOP_DATABASE'] ?? '',
  ...(JSON.parse(process.env['SHOP_ORM'] ?? '{}') as object),
  ...(process.env['SHOP_HOOK'] !== undefined && { onCreateConnection: async () => {} }),
  extensions: [spillway(options)],
});
