import { sized } from '@spillway/test-support';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, openPage, Shop } from './ground.js';
import { shot } from './shots.js';
import { buryMany } from './stock.js';

const LETTERS = sized({ short: 10_000, long: 100_000 });
const SHARDS = sized({ short: 1_024, long: 4_096 });

let shop: Shop;
let browser: Browser;
let page: Page;
let complaints: string[];
let address: string;

beforeAll(async () => {
  shop = await Shop.open(SHARDS);
  await buryMany(shop, LETTERS);
  browser = await openBrowser();
  address = await shop.serve({ authorize: () => 'write' });
  ({ page, complaints } = await openPage(browser));
}, 600_000);
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});

const reads = async (wanted: string): Promise<unknown> =>
  page.waitForFunction((text) => document.body.innerText.includes(text), { timeout: 60_000 }, wanted);

/** Tasks of the page that kept it from answering, in milliseconds, from now on. */
async function watchTasks(): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const tasks: number[] = [];
    Reflect.set(globalThis, 'tasks', tasks);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration);
    }).observe({ entryTypes: ['longtask'] });
  });
  return async () => page.evaluate(() => Math.max(0, ...(Reflect.get(globalThis, 'tasks') as number[])));
}

test('very many dead letters are paged through, and few elements are on the page', async () => {
  await page.goto(`${address}#/letters`);
  await reads(`1 to 50 of ${LETTERS === 100_000 ? '100K' : '10,000'}`);
  const longest = await watchTasks();
  for (const range of ['51 to 100', '101 to 150', '151 to 200']) {
    await page.locator('::-p-aria([name="Next"][role="button"])').click();
    await reads(range);
  }
  expect(await page.$$eval('tbody tr', ({ length }) => length)).toBe(50);
  expect(await page.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(1_500);
  expect(await longest()).toBeLessThan(1_000);
});

test('the last page is found as well', async () => {
  const list = await fetch(`${address}api/letters?offset=${LETTERS - 20}`);
  const { letters, more } = (await list.json()) as { readonly letters: readonly unknown[]; readonly more: boolean };
  expect([letters.length, more]).toEqual([20, false]);
});

test('very many shards are one picture, with its numbers as text', async () => {
  await page.goto(`${address}#/shards`);
  await reads('Shards with the most');
  const longest = await watchTasks();
  await page.locator('::-p-aria([name="Dead letters"][role="radio"])').click();
  await page.locator('canvas').click();
  await page.keyboard.press('Home');
  await reads('Shard 0 on ');
  await page.keyboard.press('End');
  await reads(`Shard ${SHARDS - 1} on `);
  await page.keyboard.press('ArrowLeft');
  await reads(`Shard ${SHARDS - 2} on `);
  await reads(SHARDS.toLocaleString('en'));
  expect(await page.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(1_500);
  expect(await longest()).toBeLessThan(1_000);
  await shot(page, 'shards');
});

test('the overview goes on', async () => {
  await page.goto(address);
  await reads(`Dead letters${LETTERS === 100_000 ? '100K' : '10,000'}`);
  await shot(page, 'many');
  expect(complaints).toEqual([]);
});
