import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { eventually } from '@spillway/test-support';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routesOf } from '../../src/service/routes-of.js';
import { openBrowser, openPage, Shop } from './ground.js';
import { makeLetters } from './stock.js';

let shop: Shop;
let browser: Browser;

beforeAll(async () => {
  shop = await Shop.open(2);
  browser = await openBrowser();
  const kill = shop.work();
  await makeLetters(shop, [1]);
  await eventually(async () => (await shop.service.status()).dead === 1);
  await kill();
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** A request with exactly these headers, which fetch() would not send. */
async function send(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts).toString('utf8'),
          headers: response.headers,
        }),
      );
    });
    sent.on('error', reject);
    sent.end(method === 'GET' ? '' : body);
  });
}

const ACT = { 'content-type': 'application/json', 'x-spillway-dashboard': '1' };
const everyPath = (): readonly (readonly [string, string])[] => {
  const { questions, acts, streams } = routesOf({ orm: shop.orm });
  return [
    ...['', 'assets/page.js', 'assets/page.css', 'assets/licenses.txt', 'nothing'].map(
      (path) => ['GET', path] as const,
    ),
    ...[...Object.keys(questions), ...Object.keys(streams)].map((path) => ['GET', path.slice(1)] as const),
    ...Object.keys(acts).map((path) => ['POST', path.slice(1)] as const),
  ];
};

describe('whoever is not authorised gets nothing', () => {
  test.each<[string, Parameters<Shop['serve']>[0]]>([
    ['without authorize()', { warn: () => undefined }],
    ['where authorize() answers undefined', { authorize: () => undefined }],
    ['where it answers another word', { authorize: () => 'admin' as 'read' }],
    ['where it rejects', { authorize: () => Promise.reject(new Error('no session')), warn: () => undefined }],
  ])('%s, from any route', async (_, options) => {
    const address = await shop.serve(options);
    const paths = everyPath();
    expect(paths.length).toBeGreaterThan(15);
    for (const [method, path] of paths) {
      const answer = await send(`${address}${path}`, { method, headers: ACT, body: '{}' });
      expect([path, answer.status, answer.body]).toEqual([path, 403, '']);
    }
    expect((await shop.service.status()).dead).toBe(1);
  });

  test('and a dashboard without authorize() says at mount how it is opened', async () => {
    const said: string[] = [];
    await shop.serve({ warn: (message) => said.push(message) });
    expect(said).toEqual([
      'The dashboard of Spillway is closed: it has no authorize(), so it answers 403 to every request. ' +
        "Give it one that answers 'read' or 'write' for the requests that may see it",
    ]);
  });
});

describe('who may read', () => {
  test('sees the page, and no means to change anything; the browser complains of nothing', async () => {
    const address = await shop.serve({ authorize: () => 'read' });
    await using opened = await openPage(browser);
    const { page, complaints } = opened;
    await page.goto(address.slice(0, -1));
    await page.waitForFunction(() => document.body.textContent?.includes('Pending rows'));
    expect(page.url()).toBe(address);
    await page.goto(`${address}#/letters`);
    await page.locator('::-p-text(Product 1)').click();
    await page.waitForFunction(() => document.body.textContent?.includes('What was staged'));
    const names = await page.$$eval('button', (all) => all.map(({ textContent }) => textContent));
    expect(names).toEqual([]);
    const shown = await page.evaluate(() => document.body.textContent ?? '');
    expect(shown).toContain('hidden');
    expect(shown).not.toContain('green tea');
    expect(complaints).toEqual([]);
  });

  test('may act on nothing', async () => {
    const address = await shop.serve({ authorize: () => 'read' });
    for (const [method, path] of everyPath().filter(([each]) => each === 'POST')) {
      const answer = await send(`${address}${path}`, {
        method,
        headers: ACT,
        body: '{"letters":[{"shard":0,"id":"1"}]}',
      });
      expect([path, answer.status]).toEqual([path, 403]);
      expect(answer.body).toContain('Let authorize() answer');
    }
    expect((await shop.service.status()).dead).toBe(1);
  });

  test('gets no value of any change or row where values are hidden, in any answer', async () => {
    const address = await shop.serve({ authorize: () => 'read' });
    const [letter] = await shop.service.deadLetters.list();
    const asked = [
      `api/letter?shard=${letter?.shard}&id=${letter?.id}`,
      'api/letters',
      'api/life?entity=Product&key=1',
    ];
    for (const path of asked) {
      const { status, body } = await send(`${address}${path}`);
      expect([path, status]).toEqual([path, 200]);
      expect(body).toContain('price');
      expect(body).not.toMatch(/tea|s3cret|told to nobody/);
    }
  });

  test('gets the values where they are shown, but for properties that MikroORM does not serialise', async () => {
    const address = await shop.serve({ authorize: () => 'read', values: 'shown' });
    const { body } = await send(`${address}api/life?entity=Product&key=1`);
    expect(body).toContain('green tea 1');
    expect(body).not.toMatch(/s3cret|told to nobody/);
  });
});

describe('an act that a browser is made to send by another site is refused:', () => {
  const discard = { method: 'POST', body: '{"letters":[{"shard":0,"id":"1"}]}' };
  test.each<[string, Record<string, string>, RegExp]>([
    ['as a form', { ...ACT, 'content-type': 'application/x-www-form-urlencoded' }, /application\/json/],
    ['as text', { ...ACT, 'content-type': 'text/plain' }, /application\/json/],
    ['without the header of its own', { 'content-type': 'application/json' }, /x-spillway-dashboard is missing/],
    ['from another site', { ...ACT, 'sec-fetch-site': 'cross-site' }, /another origin/],
    ['from another host of the same site', { ...ACT, 'sec-fetch-site': 'same-site' }, /another origin/],
    ['with the origin of another page', { ...ACT, origin: 'http://elsewhere.example' }, /another origin/],
    ['with an origin that is none', { ...ACT, origin: 'null' }, /another origin/],
  ])('%s', async (_, headers, reason) => {
    const address = await shop.serve({ authorize: () => 'write' });
    const answer = await send(`${address}api/letters/discard`, { ...discard, headers });
    expect([403, 415]).toContain(answer.status);
    expect(answer.body).toMatch(reason);
    expect((await shop.service.status()).dead).toBe(1);
  });

  test('and a page of another origin cannot send it at all', async () => {
    const address = await shop.serve({ authorize: () => 'write' });
    const elsewhere = await shop.listen((_, response) => response.end('elsewhere'));
    await using opened = await openPage(browser);
    const { page } = opened;
    await page.goto(elsewhere.replace('127.0.0.1', 'localhost'));
    const sent = await page.evaluate(
      async (url, headers, body) =>
        fetch(url, { method: 'POST', headers, body, credentials: 'include' }).then(
          ({ status }) => status,
          (error: unknown) => String(error),
        ),
      `${address}api/letters/discard`,
      ACT,
      discard.body,
    );
    expect(sent).toMatch(/Failed to fetch/);
    expect((await shop.service.status()).dead).toBe(1);
  });
});

test('every answer forbids foreign scripts, frames, guesses of its type, and caches', async () => {
  const address = await shop.serve({ authorize: () => 'write' });
  for (const path of ['', 'assets/page.js', 'api/status', 'api/none']) {
    const { headers } = await send(`${address}${path}`);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  }
  const page = readFileSync(new URL('../../page/index.html', import.meta.url), 'utf8');
  expect(page).not.toMatch(/<script(?![^>]* src=)|<style| on\w+=/);
});

test.each<[string, string, number, RegExp]>([
  ['GET', 'api/letters?offset=-1', 400, /"offset" has to be a whole number/],
  ['GET', 'api/letters?limit=5000', 400, /"limit" has to be a whole number from 0 to 200/],
  ['GET', 'api/letters?entity=Nobody', 400, /There is no entity Nobody/],
  ['GET', 'api/letter?shard=0&id=99', 404, /no such dead letter/],
  ['GET', 'api/letter?shard=7&id=1', 404, /There is no shard 7/],
  ['GET', 'api/life?entity=Product&key=green', 400, /no primary key/],
  ['GET', 'assets/..%2f..%2fpackage.json', 404, /no such page/],
  ['PUT', 'api/status', 405, /Only GET and POST/],
  ['POST', 'api/letters/discard', 400, /"letters" has to name 1 to 200/],
  ['POST', 'api/letters/discard-all', 400, /\{\} means all/],
  ['POST', 'api/nothing', 404, /no such page/],
])('%s %s is refused in words', async (method, path, status, reason) => {
  const address = await shop.serve({ authorize: () => 'write' });
  const answer = await send(`${address}${path}`, { method, headers: ACT, body: '{}' });
  const { error } = JSON.parse(answer.body) as { readonly error: string };
  expect([answer.status, error]).toEqual([status, expect.stringMatching(reason)]);
});

test('a value that the page does not show cannot be replaced, nor one that the entity does not have', async () => {
  const [letter] = await shop.service.deadLetters.list();
  const letters = [{ shard: letter?.shard, id: letter?.id }];
  const hidden = await shop.serve({ authorize: () => 'write' });
  const shown = await shop.serve({ authorize: () => 'write', values: 'shown' });
  const retry = async (address: string, values: object): Promise<Answer> =>
    send(`${address}api/letters/retry`, { method: 'POST', headers: ACT, body: JSON.stringify({ letters, values }) });
  expect((await retry(hidden, { price: 1 })).body).toContain('The value of price is hidden here');
  expect((await retry(shown, { secret: 'x' })).body).toContain('The value of secret is hidden here');
  expect((await retry(shown, { id: 2 })).body).toContain('Product.id cannot be replaced in a dead letter');
  expect((await retry(shown, { price: 'cheap' })).body).toContain('that is no value of a');
  expect((await shop.service.status()).dead).toBe(1);
});
