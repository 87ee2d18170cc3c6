/** One order of a shop: it sells units of products, and counts for a customer. */
export interface Order {
  /** Units by the key of the product, in the order of the keys. */
  readonly units: ReadonlyMap<number, number>;
  /** The key of the customer, where one is known. */
  readonly customer?: number;
  /** What the customer has spent, in cents. */
  readonly cents: number;
}

/** Orders in the order in which they came. Keys go from 1 to the number of products, or of customers. */
export interface Traffic {
  readonly orders: readonly Order[];
  readonly products: number;
  readonly customers: number;
}

/** Counts the units of each product. `items` has a key for each unit that is sold. */
export function unitsOf(items: readonly number[]): ReadonlyMap<number, number> {
  const units = new Map<number, number>();
  for (const product of items.toSorted((a, b) => a - b)) units.set(product, (units.get(product) ?? 0) + 1);
  return units;
}

/** The rows that an order changes: its products, and its customer. */
export function rowsOf({ units, customer }: Order): number {
  return units.size + (customer === undefined ? 0 : 1);
}

/** The first orders that sell so many units together, and `orders` of them at least. */
export function firstOf(all: readonly Order[], items: number, orders: number): readonly Order[] {
  let sold = 0;
  const end = all.findIndex(({ units }, index) => {
    if (sold >= items && index >= orders) return true;
    for (const count of units.values()) sold += count;
    return false;
  });
  return end === -1 ? all : all.slice(0, end);
}
