import { EntityManager } from '@mikro-orm/postgresql';
import { Controller, Get, Inject, NotFoundException, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { Order } from './order.js';
import { OrdersService } from './orders.service.js';

@Controller()
export class OrdersController {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @Inject(OrdersService) private readonly orders: OrdersService,
  ) {}

  @Post('carts/:customer/order')
  async place(@Param('customer') customer: string): Promise<Order> {
    return this.orders.place(customer);
  }

  @Get('orders/:id')
  async show(@Param('id', ParseUUIDPipe) id: string): Promise<Order> {
    const order = await this.em.findOne(Order, id);
    if (!order) throw new NotFoundException(`There is no order ${id}`);
    return order;
  }
}
