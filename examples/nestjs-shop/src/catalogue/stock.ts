import { PrimaryKeyProp, type Rel } from '@mikro-orm/core';
import { Check, Entity, OneToOne, Property } from '@mikro-orm/decorators/legacy';
import { Product } from './product.js';

/**
 * The pieces that can still be sold. No decorator: a reservation must be refused at once, so it is made in a
 * transaction.
 */
@Entity()
@Check({ expression: 'available >= 0' })
export class Stock {
  [PrimaryKeyProp]?: 'product';

  @OneToOne({ entity: () => Product, primary: true })
  product!: Rel<Product>;

  @Property({ type: 'integer' })
  available!: number;
}
