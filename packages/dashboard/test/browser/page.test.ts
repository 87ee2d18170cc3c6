import { eventually } from '@spillway/test-support';
import axe from 'axe-core';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, openPage, Shop } from './ground.js';
import { shot } from './shots.js';
import { makeLetters, makeOrders } from './stock.js';

let shop: Shop;
let browser: Browser;
let address: string;

beforeAll(async () => {
  shop = await Shop.open();
  browser = await openBrowser();
  const kill = shop.work();
  await makeLetters(shop, [1, 2, 3]);
  await eventually(async () => (await shop.service.status()).dead === 3);
  await kill();
  await makeOrders(shop, [1]);
  address = await shop.serve({ authorize: () => 'write', values: 'shown' });
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});

/** What hinders people with disabilities, as far as a program can tell. */
async function hindrances(page: Page): Promise<unknown> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: judge } = globalThis as unknown as {
      readonly axe: { run(): Promise<{ readonly violations: readonly { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await judge.run();
    return violations.map(({ id, nodes }) => [id, nodes[0]?.html]);
  });
}

const letterAddress = async (): Promise<string> => {
  const [letter] = await shop.service.deadLetters.list();
  return `#/letters/${letter?.shard}/${letter?.id}`;
};

describe.each(['light', 'dark'] as const)('in %s colours, no view hinders anybody', (scheme) => {
  test.each<[string, () => string | Promise<string>, string]>([
    ['the overview', () => '', 'Oldest change'],
    ['the dead letters', () => '#/letters', '1 to 3'],
    ['a dead letter', letterAddress, 'What to do'],
    ['the shards', () => '#/shards', 'Servers'],
    ['a row', () => '#/row/Order/1', 'Waiting for a flush'],
  ])('%s', async (_, place, wanted) => {
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(`${address}${await place()}`);
    await page.waitForFunction((text) => document.body.innerText.includes(text), {}, wanted);
    expect(await hindrances(page)).toEqual([]);
  });
});

test('on a phone no view is wider than the screen', async () => {
  await using opened = await openPage(browser);
  const { page } = opened;
  await page.setViewport({ width: 360, height: 740, isMobile: true, hasTouch: true });
  for (const [place, wanted] of [
    ['', 'Oldest change'],
    ['#/letters', '1 to 3'],
    [await letterAddress(), 'What to do'],
    ['#/shards', 'Servers'],
    ['#/row/Order/1', 'Waiting for a flush'],
  ] as const) {
    await page.goto(`${address}${place}`);
    await page.waitForFunction((text) => document.body.innerText.includes(text), {}, wanted);
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect([place, widths[0]]).toEqual([place, widths[1]]);
  }
});

test('all of it can be done by keyboard, and the focus follows the view', async () => {
  await using opened = await openPage(browser);
  const { page } = opened;
  await page.goto(`${address}#/letters`);
  await page.waitForFunction(() => document.body.innerText.includes('1 to 3'));
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
  const tabTo = async (selector: string): Promise<void> => {
    await eventually(async () => {
      await page.keyboard.press('Tab');
      return page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector);
    });
  };
  await tabTo('tbody a');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.body.innerText.includes('What to do'));
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  await tabTo('button.danger');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  expect(await page.evaluate(() => document.activeElement?.closest('dialog') !== null)).toBe(true);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelector('dialog[open]') === null);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Discard');
});

test('what changes is told by the server, and charted, without a reload', async () => {
  await using opened = await openPage(browser);
  const { page } = opened;
  await page.goto(address);
  await page.waitForFunction(() => document.body.innerText.includes('Oldest change'));
  await makeOrders(shop, [11, 12, 13, 14]);
  await page.waitForFunction(() => /Pending rows\s+5/.test(document.body.innerText));
  shop.work();
  await page.waitForFunction(() => /Pending rows\s+0/.test(document.body.innerText), { timeout: 60_000 });
  expect(await page.$$eval('.chart canvas', ({ length }) => length)).toBeGreaterThanOrEqual(3);
  await shot(page, 'live');
});
