import { defineConfig } from '@mikro-orm/postgresql';
import { Product } from '../entities.ts';

// oxlint-disable-next-line import/no-default-export -- as MikroORM wants it
export default defineConfig({ entities: [Product], clientUrl: process.env['SHOP_DATABASE'] ?? '' });
