import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Spillway } from '@spillway/core';
import { dashboard, type DashboardOptions } from '@spillway/dashboard';
import { chromium, database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import express from 'express';
import pg from 'pg';
import { launch, type Browser, type Page } from 'puppeteer-core';
import { ended, spawnOnLeash } from '../../../../tools/servers/leash.mjs';
import { openShop, TABLES, type Place } from './programs/shop.js';

/** A shop of its own: a database, a namespace, this process, which has no worker, and workers that can be killed. */
export class Shop implements AsyncDisposable {
  readonly place: Place;
  readonly orm: MikroORM;
  readonly #database: Database;
  readonly #ends: (() => Promise<unknown>)[] = [];

  private constructor(place: Place, orm: MikroORM, own: Database) {
    this.place = place;
    this.orm = orm;
    this.#database = own;
  }

  static async open(shards = 8): Promise<Shop> {
    const own = await database();
    const place = { databaseUrl: own.url, redisUrl: sharedRedisUrl(), namespace: freshNamespace(), shards };
    await query(own.url, TABLES);
    const orm = await openShop(place, false);
    await Spillway.of(orm).start();
    return new Shop(place, orm, own);
  }

  get service(): Spillway {
    return Spillway.of(this.orm);
  }

  /** The shop's server, with the dashboard at `/spillway`. @returns the address of the dashboard */
  async serve(options: Omit<DashboardOptions, 'orm'>): Promise<string> {
    const app = express();
    app.get('/', (_request, response) => void response.send('shop'));
    app.use('/spillway', dashboard({ orm: this.orm, ...options }));
    return `${await this.listen(app)}/spillway/`;
  }

  /** @returns the address of the server, without a slash at its end */
  async listen(app: RequestListener): Promise<string> {
    const server = createServer(app);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    this.#ends.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Starts a process that writes what is staged. @returns what kills it */
  work(): () => Promise<void> {
    const program = fileURLToPath(new URL('../../dist-test/browser/programs/worker.js', import.meta.url));
    const child = spawnOnLeash([process.execPath, program, JSON.stringify(this.place)]);
    const kill9 = async (): Promise<void> => {
      child.kill('SIGKILL');
      await ended(child);
    };
    this.#ends.push(kill9);
    return kill9;
  }

  async query(text: string): Promise<Record<string, unknown>[]> {
    return query(this.place.databaseUrl, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) await end();
    await this.orm.close();
    await this.#database.drop();
  }
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return rows ?? [];
  } finally {
    await client.end();
  }
}

/** A Chromium of this test's own. As root it runs only without its sandbox; it sees pages of this machine alone. */
export async function openBrowser(): Promise<Browser> {
  return launch({
    executablePath: chromium(),
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  readonly complaints: string[];
}

/** A new page, and what its console says that is wrong. */
export async function openPage(browser: Browser): Promise<OpenPage> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints, [Symbol.asyncDispose]: async () => page.close() };
}
