/** Spillway's own tables, in whatever schema: schema generators leave them alone. */
export const OWN_TABLES: readonly string[] = [
  'spillway_shard',
  'spillway_batch',
  'spillway_doubt',
  'spillway_registry',
];
