import { InjectRepository } from '@mikro-orm/nestjs';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  ParseUUIDPipe,
  Patch,
  Post,
} from '@nestjs/common';
import { Product, type ProductRepository } from './product.js';
import { Stock } from './stock.js';

interface NewProduct {
  readonly name: string;
  readonly price: number;
  readonly available: number;
}

@Controller('products')
export class CatalogueController {
  constructor(
    @Inject(EntityManager) private readonly em: EntityManager,
    @InjectRepository(Product) private readonly products: ProductRepository,
  ) {}

  /** With its stock, which refers to it: so this flush is written by SQL. */
  @Post()
  async create(@Body() { name, price, available }: NewProduct): Promise<{ readonly id: string }> {
    const product = this.em.create(Product, { name, price });
    this.em.create(Stock, { product, available });
    await this.em.flush();
    return { id: product.id };
  }

  /** Counts the view before anything is loaded; the look-up sees it, whether it is written already or not. */
  @Get(':id')
  async show(@Param('id', ParseUUIDPipe) id: string): Promise<Product> {
    await this.products.increment(id, { views: 1 });
    const product = await this.products.findOne(id);
    if (!product) throw new NotFoundException(`There is no product ${id}`);
    return product;
  }

  @Patch(':id')
  @HttpCode(204)
  async change(
    @Param('id', ParseUUIDPipe) id: string,
    @Body() changes: { readonly name?: string; readonly price?: number },
  ): Promise<void> {
    const product = await this.products.findOne(id);
    if (!product) throw new NotFoundException(`There is no product ${id}`);
    this.em.assign(product, changes);
    await this.em.flush();
  }
}
