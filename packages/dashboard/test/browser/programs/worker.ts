/** A process that only writes, until it is killed. */
import { Spillway } from '@spillway/core';
import { openShop, type Place } from './shop.js';

const orm = await openShop(JSON.parse(process.argv[2] ?? '{}') as Place, true);
await Spillway.of(orm).start();
process.stdout.write('ready\n');
