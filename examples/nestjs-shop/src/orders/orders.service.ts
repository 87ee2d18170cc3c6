import { EntityManager, LockMode } from '@mikro-orm/postgresql';
import { ConflictException, Inject, Injectable } from '@nestjs/common';
import { Cart } from '../carts/cart.js';
import { Product } from '../catalogue/product.js';
import { Stock } from '../catalogue/stock.js';
import { Order } from './order.js';

@Injectable()
export class OrdersService {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  /**
   * Turns a cart into an order: stock, order and cart change together or not at all. In the transaction what is pending
   * of the cart and of its products is written first, so that SQL sees it.
   * @throws ConflictException for an empty cart, and where there is not enough
   */
  async place(customer: string): Promise<Order> {
    return this.em.transactional(async (em) => {
      const cart = await em.findOne(Cart, customer);
      const wanted = Object.entries(cart?.items ?? {});
      if (!cart || wanted.length === 0) throw new ConflictException(`The cart of ${customer} is empty`);
      let total = 0;
      // In one order for everybody, so that two who order the same things wait for each other instead of locking each
      // other out.
      for (const [id, count] of wanted.toSorted(([one], [other]) => (one < other ? -1 : 1))) {
        const product = await em.findOneOrFail(Product, id);
        const stock = await em.findOneOrFail(Stock, { product }, { lockMode: LockMode.PESSIMISTIC_WRITE });
        if (stock.available < count)
          throw new ConflictException(`Of ${product.name} there are only ${stock.available}`);
        stock.available -= count;
        total += count * product.price;
      }
      const order = em.create(Order, { customer, items: cart.items, total });
      cart.items = {};
      return order;
    });
  }
}
