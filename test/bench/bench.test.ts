import { fileURLToPath } from 'node:url';
import { database, thinned } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { catalogue } from './plan/catalogue.js';
import { planOf } from './plan/arguments.js';
import { packageFolderIn } from './plan/package-folder.js';
import { Progress } from './report/progress.js';
import { measure } from './run/measure.js';
import { Places } from './run/places.js';
import { Items } from './support/items.js';

const own = packageFolderIn(fileURLToPath(new URL('../..', import.meta.url)));
const servers = { redisUrl: process.env['REDIS_URL'] ?? '', databaseUrl: process.env['DATABASE_URL'] ?? '' };
/** One call for each caller, or little more: whether a measurement works, not how fast anything is. */
const plan = planOf(['--rounds', '1', '--scale', '0.001']);

test.each(thinned(catalogue, 0, 10))('$id measures every side, and its rows are exact', async (measurement) => {
  const places = await Places.open(servers);
  const bench = { plan, places, redisUrl: servers.redisUrl, packages: { own }, progress: new Progress(process.stderr) };
  const { sides, ratios } = await measure(measurement, bench);
  await places.close();

  const { fullSides = [] } = measurement;
  expect(sides.map(({ side }) => side)).toEqual(
    Object.keys(measurement.sides).filter((side) => !fullSides.includes(side)),
  );
  for (const { side, figures } of sides) {
    const isOurs = measurement.sides[side] === 'ours';
    // A reference has only what makes sense for it.
    const readings = Object.keys(measurement.readings).filter((reading) => isOurs || reading in figures);
    expect(Object.keys(figures)).toEqual(readings);
    expect(Object.values(figures).flat().every(Number.isFinite)).toBe(true);
  }
  expect(ratios.length).toBe(
    measurement.ratios.filter(({ of, to }) => to !== 'older' && !fullSides.includes(of)).length,
  );
});

test('a side of an older build runs beside its own, and is compared with it in every reading', async () => {
  const places = await Places.open(servers);
  const packages = { own, older: own };
  const bench = { plan, places, redisUrl: servers.redisUrl, packages, progress: new Progress(process.stderr) };
  const [, , mixed] = catalogue;
  if (!mixed) throw new Error('There is no such measurement.');
  const { sides, ratios } = await measure(mixed, bench);
  await places.close();

  expect(sides.map(({ side, isOlder }) => `${side} ${isOlder}`)).toEqual([
    'written behind false',
    'written behind true',
    'undecorated false',
    'counts and locks alone false',
  ]);
  const toOlder = ratios.filter(({ to }) => to === 'older');
  expect(toOlder.map(({ of, reading }) => `${of} ${reading}`)).toEqual(['written behind speed', 'written behind p99']);
});

test('a row that is not exact fails the check, by name', async () => {
  await using place = await database();
  const items = await Items.make(place.url, 3);
  await items.check();
  items.expect(2, { price: '7.00' });
  await expect(items.check()).rejects.toThrow('price of item 2 is 2.00 in PostgreSQL instead of 7.00.');
  await items.close();
});
