import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Browser } from 'puppeteer-core';
import { openBrowser, openPage, Shop } from './ground.js';

let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  shop = await Shop.open();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});

test('an authorised reader sees the page, and the browser complains of nothing', async () => {
  const address = await shop.serve({ authorize: () => 'read' });
  const { page, complaints } = await openPage(browser);
  await page.goto(address.slice(0, -1));
  await page.waitForFunction(() => document.body.textContent?.includes('up'));
  expect(page.url()).toBe(address);
  expect(complaints).toEqual([]);
});
