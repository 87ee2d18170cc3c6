import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '@spillway/test-support';
import pg from 'pg';

export interface ShopProcess {
  readonly process: ChildProcess;
  /** Where it listens; empty for a worker. */
  readonly url: string;
  /** Its output so far. */
  readonly printed: () => string;
}

/** The processes of one shop, on servers of their own. */
export class Shop {
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<ChildProcess>();

  constructor(servers: { readonly redis: string; readonly database: string }) {
    this.#env = { ...process.env, REDIS_URL: servers.redis, DATABASE_URL: servers.database, PORT: '0' };
  }

  async web(): Promise<ShopProcess> {
    return this.#start('main.js', /listening on (\S+)/);
  }

  async worker(): Promise<ShopProcess> {
    return this.#start('worker.js', /writing()/);
  }

  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }

  async #start(program: string, isUp: RegExp): Promise<ShopProcess> {
    const file = fileURLToPath(new URL(`../dist/${program}`, import.meta.url));
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#running.add(child);
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
    const url = await eventually(
      () => {
        const match = isUp.exec(output);
        if (!match) throw new Error(`${program} has said: ${output}`);
        return match[1] ?? '';
      },
      { timeoutMs: 60_000 },
    );
    return { process: child, url: url.replace('[::1]', 'localhost'), printed: () => output };
  }
}

export interface Answer {
  readonly code: number;
  readonly body: unknown;
}

export async function call(method: string, url: string, body?: object): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { code: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
