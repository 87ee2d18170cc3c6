/** The shop whose entities are written behind, and the one on plain MikroORM that it is compared with. */
export type ShopKind = 'behind' | 'plain';

/** The schema that holds the tables of a shop. */
export const schemaOf: Readonly<Record<ShopKind, string>> = { behind: 'public', plain: 'plain' };
