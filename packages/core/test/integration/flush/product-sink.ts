import type { ChangeSink } from '../../../src/sink/change-sink.js';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';
import type { PostgresSinkOptions } from '../../../src/sink/postgres/options.js';
import type { Table } from '../../../src/sink/table.js';

export const SHARDS = 4;

/** Counters without a version: nothing but the protocol keeps a change from being applied twice. */
const PRODUCT: Table = {
  entity: 'Product',
  schema: 'public',
  name: 'product',
  key: [{ property: 'id', name: 'id', type: 'integer', read: 'direct' }],
  columns: { stock: { property: 'stock', name: 'stock', type: 'integer', read: 'direct' } },
  counters: { stock: 0 },
  references: [],
  order: 0,
  detect: 'none',
  conflict: { kind: 'dead-letter' },
  retry: { attempts: 1, minDelayMs: 100, maxDelayMs: 1_000 },
};

export const PRODUCT_DDL = `create table product (id int primary key, stock int not null default 0 check (stock < 1000));
insert into product (id) select generate_series(0, 199)`;

/** @param name what PostgreSQL calls its connections */
export function openProductSink(url: string, name: string, limits?: PostgresSinkOptions['limits']): ChangeSink {
  return openPostgresSink({
    connection: { connectionString: url, application_name: name },
    poolSize: 4,
    namespace: 'test',
    tables: [PRODUCT],
    ...(limits && { limits }),
  });
}
