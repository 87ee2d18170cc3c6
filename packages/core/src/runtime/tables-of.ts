import type { TableName } from '../change/table-name.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';

export function tableOf({ table }: WriteBehindType): TableName {
  return { schema: table.schema, table: table.name };
}
