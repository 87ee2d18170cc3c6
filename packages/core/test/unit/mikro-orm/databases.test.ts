import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/pglite';
import { describe, expect, test } from 'vitest';
import { memoryStaging } from '../../../src/testing/index.js';
import { spillway } from '../../../src/index.js';

const thing = defineEntity({ name: 'Thing', properties: { id: p.uuid().primary() } });

describe('an ORM on PGlite', () => {
  test('is refused by name when it is made, told why, and told what to do', async () => {
    const extensions = [spillway({ staging: () => memoryStaging() })];
    await expect(MikroORM.init({ entities: [thing], extensions })).rejects.toThrow(
      'Spillway writes to PostgreSQL by the driver of @mikro-orm/postgresql, and this ORM has PgliteDriver (kysely, @electric-sql/pglite). ' +
        'PGlite lives inside its process and has one connection: no worker can reach it from outside, and a batch would wait for the transaction that waits for the batch. ' +
        'Use @mikro-orm/postgresql, or leave spillway() out of the extensions, for example in tests [CONFIG_INVALID]',
    );
  });
});
