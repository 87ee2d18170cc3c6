import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ShopModule } from './shop.module.js';

/** The process that writes what all of them have staged. One is enough; any number can run. */
const app = await NestFactory.createApplicationContext(ShopModule.forRoot({ worker: true }));
app.enableShutdownHooks();
console.log('writing');
