/** One application process of the shop: many visitors at once, each request in an entity manager of its own. */
import path from 'node:path';
import { MikroORM } from '@mikro-orm/postgresql';
import { shopConfig } from '../orm-config.js';
import { Journal } from '../journal/journal.js';
import { Shop } from '../shop/shop.js';
import { makeCatalogue } from '../traffic/catalogue.js';
import { Traffic } from '../traffic/traffic.js';
import { Parent } from './from-parent.js';
import { serveVisitors } from './serve-visitors.js';
import { readSettings } from './settings.js';

const name = process.argv[2] ?? 'application';
const settings = readSettings();
const catalogue = makeCatalogue(settings.seed);
const traffic = new Traffic(`${settings.seed} ${name}`, catalogue);

using journal = new Journal(path.join(settings.journals, `${name}.jsonl`));
const orm = await MikroORM.init(shopConfig(settings, false));
const shop = new Shop(orm, journal, catalogue, name);
using parent = new Parent(() => ({ saves: shop.saves, conflicts: shop.conflicts, rows: 0 }));

await serveVisitors(shop, traffic, parent.stop);
await orm.close();
