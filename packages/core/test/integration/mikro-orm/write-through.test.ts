import { p, defineEntity } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import { Spillway, WriteBehind, WriteThrough } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

const Country = defineEntity({
  name: 'Country',
  properties: { id: p.integer().primary(), name: p.string(), version: p.integer().version() },
});
const City = defineEntity({
  name: 'City',
  properties: { id: p.integer().primary(), name: p.string(), country: () => p.manyToOne(Country) },
});
WriteThrough()(Country.class);
WriteBehind({ debounce: '1h', maxDelay: '1h' })(City.class as never);

const own = stagingOrm([Country, City]);

test('a write-through entity is in PostgreSQL when em.flush() resolves, and nothing of it is staged', async () => {
  const em = own.orm.em.fork();
  const country = em.create(Country, { id: 1, name: 'Peru' });
  await em.flush();
  country.name = 'Chile';
  await em.flush();
  const rows: unknown = await em.execute('select name, version from country');
  expect(rows).toEqual([{ name: 'Chile', version: 2 }]);
  expect((await Spillway.of(own.orm).status()).staged).toBe(0);
});

test('a write-behind entity that refers to it is staged', async () => {
  const em = own.orm.em.fork();
  em.create(Country, { id: 2, name: 'Fiji' });
  await em.flush();
  em.create(City, { id: 1, name: 'Suva', country: 2 });
  await em.flush();
  expect((await Spillway.of(own.orm).status()).pending).toEqual({ City: 1 });
  await Spillway.of(own.orm).drain();
  const rows: unknown = await em.execute('select name from city');
  expect(rows).toEqual([{ name: 'Suva' }]);
});

test('increment() of it is refused with the remedy', async () => {
  await expect(Spillway.of(own.orm).increment(Country, 1, { version: 1 })).rejects.toThrow(
    'Country is written through: nothing of it is staged. Use em.nativeUpdate() with raw(), or @WriteBehind with counters [CONFIG_INVALID]',
  );
});
