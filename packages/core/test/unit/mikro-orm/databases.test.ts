import { defineEntity, MikroORM, p } from '@mikro-orm/core';
import { MikroORM as PgliteOrm } from '@mikro-orm/pglite';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { memoryStaging } from '../../../src/testing/index.js';
import { spillway } from '../../../src/index.js';

const thing = defineEntity({ name: 'Thing', properties: { id: p.uuid().primary() } });

const staged = () => [spillway({ staging: () => memoryStaging() })];

class OtherDriver extends PostgreSqlDriver {
  override getDependencies(): string[] {
    return ['other'];
  }
}

describe('an ORM', () => {
  test('on PGlite is taken as one on a server is, and connects to nothing', async () => {
    const orm = await PgliteOrm.init({ entities: [thing], extensions: staged() });
    expect(await orm.isConnected()).toBe(false);
  });

  test('on another database is refused by name when it is made, and told what to do', async () => {
    const making = MikroORM.init({ entities: [thing], driver: OtherDriver, dbName: 'x', extensions: staged() });
    await expect(making).rejects.toThrow(
      'Spillway writes to PostgreSQL by the drivers of @mikro-orm/postgresql and @mikro-orm/pglite, and this ORM has OtherDriver (other). ' +
        'Use one of them, or leave spillway() out of the extensions, for example in tests [CONFIG_INVALID]',
    );
  });
});
