/** A flush worker: it takes no requests, it writes what the applications have staged. */
import { once } from 'node:events';
import { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { noFigures, rowsIn } from './figures.js';
import { shopConfig } from '../orm-config.js';
import { insist } from '../shop/insist.js';
import { Parent } from './from-parent.js';
import { readSettings } from './settings.js';

let rows = 0;
const orm = await MikroORM.init(shopConfig(readSettings(), { concurrency: 2 }));
const writeBehind = Spillway.of(orm);
writeBehind.on('written', (batch) => (rows += rowsIn(batch)));
const start = () => writeBehind.start();
await insist(start, start); // a Redis may be away just now
using parent = new Parent(() => ({ ...noFigures, rows }));

if (!parent.stop.aborted) await once(parent.stop, 'abort');
await orm.close();
