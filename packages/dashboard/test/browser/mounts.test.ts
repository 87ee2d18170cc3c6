import 'reflect-metadata';
import { request } from 'node:http';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { dashboard, type DashboardOptions } from '@spillway/dashboard';
import { eventually } from '@spillway/test-support';
import express from 'express';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, Shop } from './ground.js';

@Module({})
class Empty {}

let shop: Shop;
let browser: Browser;
let options: DashboardOptions;

beforeAll(async () => {
  shop = await Shop.open(2);
  browser = await openBrowser();
  options = { orm: shop.orm, authorize: () => 'write' };
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});

/** Shows the page, and acts: discards all dead letters of orders, of which there are none. */
async function expectToWork(address: string): Promise<void> {
  await using opened = await openPage(browser);
  const { page, complaints } = opened;
  await page.goto(address);
  await page.waitForFunction(() => document.body.innerText.includes('Oldest change'));
  const report = await page.evaluate(async () => {
    const headers = { 'content-type': 'application/json', 'x-spillway-dashboard': '1' };
    const body = JSON.stringify({ filter: { entity: 'Order' } });
    return (await fetch('api/letters/discard-all', { method: 'POST', headers, body })).json() as Promise<unknown>;
  });
  expect(report).toEqual({ done: 0, newer: 0, absent: 0, refused: 0 });
  expect(complaints).toEqual([]);
}

test('it works in NestJS', async () => {
  const app = await NestFactory.create(Empty, { logger: false });
  app.use('/deep/spillway', dashboard(options));
  await app.listen(0, '127.0.0.1');
  await expectToWork(`${await app.getUrl()}/deep/spillway`);
  expect(app.getHttpServer().listening).toBe(true);
  await app.close();
});

test('it works in Express behind a body parser', async () => {
  const app = express();
  app.use(express.json());
  app.use('/spillway', dashboard(options));
  const address = await shop.listen(app);
  await expectToWork(`${address}/spillway`);
  expect((await fetch(`${address}/elsewhere`)).status).toBe(404);
});

test('it works on a port of its own, and only under a name of this machine', async () => {
  await using running = await dashboard(options).listen(0);
  await expectToWork(running.url);
  const status = await new Promise((resolve) => {
    request(running.url, { headers: { host: 'elsewhere.example' } }, (response) => resolve(response.statusCode)).end();
  });
  expect(status).toBe(403);
});

test('an ORM without Spillway is refused when the dashboard is made', async () => {
  const config = { getExtension: () => undefined };
  expect(() => dashboard({ ...options, orm: { config } as never })).toThrow(/This ORM has no Spillway/);
});

test('what watches ends with its page', async () => {
  await using running = await dashboard(options).listen(0);
  const answer = await fetch(`${running.url}api/stream`);
  const reader = answer.body?.getReader();
  const said = new TextDecoder();
  let text = '';
  await eventually(async () => {
    text += said.decode((await reader?.read())?.value, { stream: true });
    expect(text).toContain('event: snapshot');
  });
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  await reader?.cancel();
});

test('where a release has a doctor, the page shows its findings, the worst first', async () => {
  // Stands in for the call of a release that has it: what is tested here is the page and its API alone.
  Object.assign(shop.service, {
    diagnose: async () => [
      { check: 'redis', level: 'ok', message: 'Redis answers' },
      { check: 'worker', level: 'problem', message: 'No worker runs', remedy: 'Start one' },
    ],
  });
  await using running = await dashboard(options).listen(0);
  await using opened = await openPage(browser);
  const { page } = opened;
  await page.goto(`${running.url}#/doctor`);
  await page.waitForFunction(() => document.body.innerText.includes('1 findings ask for somebody.'));
  const found = await page.$$eval('.findings li', (all) => all.map(({ innerText }) => innerText.split(/\n+/)));
  expect(found).toEqual([
    ['problem', 'worker', 'No worker runs', 'Start one'],
    ['in order', 'redis', 'Redis answers'],
  ]);
});
