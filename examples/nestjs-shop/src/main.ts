import 'reflect-metadata';
import { MikroORM } from '@mikro-orm/postgresql';
import { NestFactory } from '@nestjs/core';
import { ShopModule } from './shop.module.js';

/** A web process: it only stages. Any number of them can run. */
const app = await NestFactory.create(ShopModule.forRoot({ worker: false }));
app.enableShutdownHooks();
await app.get(MikroORM).schema.update();
await app.listen(process.env['PORT'] ?? 3000);
console.log(`listening on ${await app.getUrl()}`);
