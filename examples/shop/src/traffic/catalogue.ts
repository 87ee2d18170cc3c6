import { Random } from './random.js';

/** The stock of a new shop, most popular first. Every process makes it by itself from the seed. */
export interface Catalogue {
  readonly products: readonly CatalogueProduct[];
  readonly customers: readonly CatalogueCustomer[];
}

interface CatalogueProduct {
  readonly id: string;
  readonly name: string;
  readonly price: string;
  readonly stock: number;
}

interface CatalogueCustomer {
  readonly id: string;
  readonly name: string;
  readonly address: string;
}

const products = 300;
const customers = 1_000;

export function makeCatalogue(seed: string): Catalogue {
  const random = new Random(`${seed} catalogue`);
  return {
    products: Array.from({ length: products }, () => ({
      id: random.uuid(),
      name: `${random.of(materials)} ${random.of(things)}`,
      price: (random.integer(199, 19_999) / 100).toFixed(2),
      stock: random.integer(50, 5_000),
    })),
    customers: Array.from({ length: customers }, () => ({ id: random.uuid(), ...makePerson(random) })),
  };
}

export function makePerson(random: Random): { readonly name: string; readonly address: string } {
  return { name: `${random.of(firstNames)} ${random.of(lastNames)}`, address: makeAddress(random) };
}

export function makeAddress(random: Random): string {
  return `${random.of(streets)} ${random.integer(1, 180)}`;
}

const materials = ['Copper', 'Oak', 'Linen', 'Enamel', 'Cork', 'Slate', 'Wool', 'Glass'] as const;
const things = ['kettle', 'lamp', 'stool', 'basket', 'bowl', 'blanket', 'tray', 'clock', 'kite', 'jug'] as const;
const firstNames = ['Ada', 'Björn', 'Chidi', 'Dolores', 'Eleni', 'Farid', 'Grace', 'Hana', 'Ivo', 'Zoë'] as const;
const lastNames = ['Abbott', 'Böhm', 'Castillo', 'Dubois', "O'Hara", 'Nakamura', 'Øvergaard', 'Singh'] as const;
const streets = ['Weir Lane', 'Sluice Street', 'Am Wehr', 'Rue de l’Écluse', 'Mill Race', 'Dyke Road'] as const;
