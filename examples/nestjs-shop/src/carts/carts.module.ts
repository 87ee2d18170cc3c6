import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Module } from '@nestjs/common';
import { SpillwayModule } from '@spillway/nestjs';
import { Cart } from './cart.js';
import { CartsController } from './carts.controller.js';

@Module({
  imports: [
    MikroOrmModule.forFeature([Cart]),
    SpillwayModule.forFeature([[Cart, { debounce: '500ms', maxDelay: '5s', detect: 'none' }]]),
  ],
  controllers: [CartsController],
})
export class CartsModule {}
