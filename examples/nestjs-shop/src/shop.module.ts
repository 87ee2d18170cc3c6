import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { getSpillwayExtensionToken, SpillwayModule } from '@spillway/nestjs';
import { CartsModule } from './carts/carts.module.js';
import { CatalogueModule } from './catalogue/catalogue.module.js';
import { DeadLetters } from './health/dead-letters.js';
import { HealthController } from './health/health.controller.js';
import { OrdersModule } from './orders/orders.module.js';
import { ormConfig, spillwayOptions } from './shop-config.js';

/** Web processes and workers share the entities with their policies. */
@Module({})
export class ShopModule {
  static forRoot({ worker }: { readonly worker: boolean }): DynamicModule {
    return {
      module: ShopModule,
      imports: [
        SpillwayModule.forRoot({ ...spillwayOptions(worker), shutdown: { grace: '20s' } }),
        MikroOrmModule.forRootAsync({
          driver: PostgreSqlDriver,
          inject: [getSpillwayExtensionToken()],
          useFactory: ormConfig,
        }),
        TerminusModule,
        CatalogueModule,
        CartsModule,
        OrdersModule,
      ],
      controllers: [HealthController],
      providers: worker ? [DeadLetters] : [],
    };
  }
}
