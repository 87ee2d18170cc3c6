import { eventually } from '@spillway/test-support';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, Shop } from './ground.js';
import { makeLetters, makeOrders } from './stock.js';
import { shot } from './shots.js';

let shop: Shop;
let browser: Browser;
let page: Page;
let complaints: string[];
let address: string;

beforeAll(async () => {
  shop = await Shop.open();
  browser = await openBrowser();
  address = await shop.serve({ authorize: () => 'write', values: 'shown' });
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});

/** What a person reads on the page. */
const text = async (): Promise<string> => page.evaluate(() => document.body.innerText);
const reads = async (wanted: string | RegExp): Promise<void> =>
  eventually(async () => expect(await text()).toMatch(wanted));
const click = async (selector: string): Promise<void> => page.locator(selector).click();
const button = (name: string): string => `::-p-aria([name="${name}"][role="button"])`;
const dead = async (): Promise<number> => (await shop.service.status()).dead;

describe('in a shop whose worker was killed', () => {
  test('what waits is seen, and why nothing is written', async () => {
    const kill = shop.work();
    await makeLetters(shop, [1, 2, 3, 4, 5, 6]);
    await eventually(async () => expect(await dead()).toBe(6));
    await kill();
    await makeOrders(shop, [1, 2, 3]);
    await page.goto(address);
    await reads(/Pending rows\s+3/);
    await reads(/Dead letters\s+6/);
    await eventually(async () => expect(await page.$$('.chart canvas')).not.toHaveLength(0));
    await reads(/Order\s+3\s+[\d.]+ (ms|s|min)/);
    await shot(page, 'overview');
  });

  test('the difference between what was staged and what the database has is shown', async () => {
    await page.goto(`${address}#/letters`);
    await reads('1 to 6 of 6');
    await shot(page, 'letters');
    await click('::-p-text(Product 1)');
    await reads('What was staged, and what the database has');
    const rows = await page.$$eval('.difference tbody tr', (all) =>
      all.map((row) => [
        row.className,
        row.querySelector('th')?.textContent,
        ...[...row.querySelectorAll('td')].map((cell) => cell.querySelector('input')?.value ?? cell.textContent),
      ]),
    );
    expect(rows).toEqual([
      ['differs', 'name', '"green tea 1"', '"tea 1"', 'differs'],
      ['differs', 'price', '-1', '5', 'differs'],
      ['differs', 'secret', 'hidden', 'hidden', 'differs'],
    ]);
    await reads('23514');
    expect(await page.content()).not.toContain('told to nobody');
    await shot(page, 'letter');
  });

  test('a letter is retried with an edited value, and written once a worker runs again', async () => {
    const field = '::-p-aria([name="Staged value of price, as JSON"])';
    await page.locator(field).fill('nothing');
    await reads('The value of price is not JSON');
    await page.locator(field).fill('7');
    await click(button('Retry with edited values'));
    await reads('1 dead letter was retried.');
    expect(await dead()).toBe(5);
    await page.goto(`${address}#/row/Product/1`);
    await reads('Waiting for a flush');
    await shot(page, 'row');
    shop.work();
    await eventually(async () =>
      expect(await shop.query('select name, price, version from product where id = 1')).toEqual([
        { name: 'green tea 1', price: 7, version: 2 },
      ]),
    );
    await click(button('Refresh'));
    await reads('Nothing of it waits');
  });

  test('a letter is discarded, after a question', async () => {
    await page.goto(`${address}#/letters`);
    await click('::-p-text(Product 2)');
    await click(button('Discard'));
    await reads('Discard this dead letter?');
    await shot(page, 'question');
    await page.keyboard.press('Escape');
    expect(await dead()).toBe(5);
    await click(button('Discard'));
    await page.locator('dialog button.danger').click();
    await reads('1 dead letter was discarded.');
    expect(await dead()).toBe(4);
  });

  test('several are chosen, and retried or discarded together', async () => {
    await reads('1 to 4 of 4');
    await click('[aria-label="Choose Product 3"]');
    await click('[aria-label="Choose Product 4"]');
    await reads('2 chosen');
    await click(button('Discard chosen'));
    await page.locator('dialog button.danger').click();
    await reads('2 dead letters were discarded.');
    await reads('1 to 2 of 2');
    await shop.query('alter table product drop constraint product_price_check');
    await click(button('Retry all'));
    await page.locator('dialog button.danger').click();
    await reads('2 dead letters were retried.');
    await eventually(async () =>
      expect(await shop.query('select id from product where price = -1 order by id')).toEqual([{ id: 5 }, { id: 6 }]),
    );
  });

  test('an entity is paused, and nothing of it is written until it is resumed; and so are all', async () => {
    await page.goto(address);
    const press = async (name: string): Promise<void> => click(`button[aria-label="${name}"]`);
    await press('Pause Order');
    await reads('Writing of Order is paused. Changes are still staged.');
    await reads(/Order\s+0\s+–\s+.*\s+paused/);
    await makeOrders(shop, [21, 22]);
    await reads(/Pending rows\s+2/);
    await shop.service.drain();
    expect(await shop.query('select id from "order" where id > 20')).toEqual([]);
    await shot(page, 'paused');
    await press('Resume Order');
    await eventually(async () =>
      expect(await shop.query('select id from "order" where id > 20 order by id')).toEqual([{ id: 21 }, { id: 22 }]),
    );
    await press('Pause all entities');
    await reads('Writing is paused for all entities.');
    expect((await shop.service.status()).paused).toEqual({ all: true, entities: [] });
    await press('Resume all entities');
    await reads('Writing of all entities goes on.');
    expect((await shop.service.status()).paused).toEqual({ all: false, entities: [] });
  });

  test('the browser has complained of nothing', () => {
    expect(complaints).toEqual([]);
  });
});
