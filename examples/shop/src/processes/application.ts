/** One application process of the shop: many visitors at once, each request in an entity manager of its own. */
import path from 'node:path';
import { MikroORM } from '@mikro-orm/postgresql';
import { plainConfig, shopConfig } from '../orm-config.js';
import { Journal } from '../journal/journal.js';
import { countBehind, countByStatement } from '../shop/counting.js';
import { Shop } from '../shop/shop.js';
import { makeCatalogue } from '../traffic/catalogue.js';
import { Traffic } from '../traffic/traffic.js';
import { Parent } from './from-parent.js';
import { serveVisitors } from './serve-visitors.js';
import { readSettings } from './settings.js';

/** A busy process has dozens of requests open at once, and what they stage can travel together. */
const visitors = 64;

const name = process.argv[2] ?? 'application';
const settings = readSettings();
const catalogue = makeCatalogue(settings.seed);
const traffic = new Traffic(`${settings.seed} ${name}`, catalogue);

using journal = new Journal(path.join(settings.journals, `${name}.jsonl`));
const isPlain = settings.kind === 'plain';
const orm = await MikroORM.init(isPlain ? plainConfig(settings) : shopConfig(settings, false));
const counting = isPlain ? countByStatement(orm) : countBehind(orm);
const shop = new Shop({ orm, counting, journal, catalogue, name });
using parent = new Parent(() => shop.figures());

await serveVisitors(visitors, shop, traffic, parent.stop);
await orm.close();
