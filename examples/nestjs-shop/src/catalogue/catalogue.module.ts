import { MikroOrmModule } from '@mikro-orm/nestjs';
import { Module } from '@nestjs/common';
import { CatalogueController } from './catalogue.controller.js';
import { Product } from './product.js';
import { Stock } from './stock.js';

@Module({ imports: [MikroOrmModule.forFeature([Product, Stock])], controllers: [CatalogueController] })
export class CatalogueModule {}
