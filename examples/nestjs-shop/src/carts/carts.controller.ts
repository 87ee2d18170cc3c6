import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Get, Inject, Param, ParseUUIDPipe, Put } from '@nestjs/common';
import { Cart, type Items } from './cart.js';

@Controller('carts')
export class CartsController {
  constructor(@Inject(EntityManager) private readonly em: EntityManager) {}

  @Get(':customer')
  async show(@Param('customer') customer: string): Promise<Items> {
    return (await this.em.findOne(Cart, customer))?.items ?? {};
  }

  @Put(':customer/items/:product')
  async put(
    @Param('customer') customer: string,
    @Param('product', ParseUUIDPipe) product: string,
    @Body() { count }: { readonly count: number },
  ): Promise<Items> {
    const cart = (await this.em.findOne(Cart, customer)) ?? this.em.create(Cart, { customer, items: {} });
    const { [product]: _, ...others } = cart.items;
    cart.items = count > 0 ? { ...others, [product]: count } : others;
    await this.em.flush();
    return cart.items;
  }
}
