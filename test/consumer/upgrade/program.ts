/**
 * One program of the upgrade test, as it runs in an empty directory on either release: `node program.ts <settings>`.
 * It prints one line of JSON when its act is done. An act that dies of itself prints nothing.
 */
import { MikroORM } from '@mikro-orm/core';
import { defineEntity, type InferEntity, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Spillway, WriteBehind } from '@spillway/core';
import { type HoldStep, spillwayWithSteps } from '@spillway/core/testing';

/** What the program is told to do. */
export type Act =
  | { readonly act: 'set-up' }
  /** Stages, and writes nothing. */
  | { readonly act: 'stage'; readonly hits: Readonly<Record<string, number>> }
  | { readonly act: 'change' }
  /**
   * Stages a change of `first`, claims it, and gets no further with it; stages changes of the others, writes some of
   * them, and dies before it tells Redis.
   */
  | { readonly act: 'break-off'; readonly first: string; readonly others: readonly string[]; readonly hits: number }
  /** A transaction that holds its changes, and dies after this step. */
  | { readonly act: 'hold'; readonly page: string; readonly step: HoldStep }
  | { readonly act: 'look' }
  | { readonly act: 'write' };

export interface Settings {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly act: Act;
}

export interface Rows {
  readonly pages: Readonly<Record<string, number>>;
  readonly items: Readonly<Record<string, string>>;
}

/** What `look` answers: by a process that writes nothing. */
export interface Seen {
  readonly status: Readonly<Record<'inFlight' | 'dead' | 'held' | 'pending', number>>;
  readonly letters: readonly { readonly key: string; readonly code: string }[];
  readonly rows: Rows;
  /** What it has told its logger. */
  readonly said: readonly string[];
}

/** What `write` answers: by a process that writes everything, and then tries the dead letters again. */
export interface Written {
  readonly left: Readonly<Record<'inFlight' | 'held' | 'pending', number>>;
  readonly retried: readonly string[];
  readonly said: readonly string[];
}

const Page = defineEntity({
  name: 'Page',
  properties: { id: p.string().primary(), hits: p.integer() },
});
const Item = defineEntity({
  name: 'Item',
  properties: { id: p.string().primary(), text: p.string(), version: p.integer().version() },
});
WriteBehind<InferEntity<typeof Page>>({ counters: ['hits'], cache: { ttl: '1h' } })(Page.class);
WriteBehind()(Item.class);

/** Keys of the rows: those that look-ups ask for. */
const PAGES = ['page', ...Array.from({ length: 12 }, (_, number) => `page ${number}`), 'rolled back', 'held', 'lost'];
const ITEMS = ['changed', 'deleted', 'made', 'in conflict'];

const { databaseUrl, redisUrl, act } = JSON.parse(process.argv[2] ?? '{}') as Settings;
const said: string[] = [];
const isWorker = ['break-off', 'write', 'set-up'].includes(act.act);
const claimed = Promise.withResolvers<void>();
let isClaimed = false;

const orm = await MikroORM.init({
  driver: PostgreSqlDriver,
  entities: [Page, Item],
  clientUrl: databaseUrl,
  useBatchUpdates: false,
  extensions: [
    spillwayWithSteps(
      {
        redis: redisUrl,
        namespace: 'upgrade',
        shards: 4,
        tables: { ensure: true },
        worker: isWorker,
        defaults: { debounce: '10ms', maxDelay: '50ms' },
        logger: {
          warn: (...words: unknown[]) => void said.push(words.join(' ')),
          error: (...words: unknown[]) => void said.push(words.join(' ')),
        },
      },
      async (step) => {
        if (act.act !== 'break-off') return;
        if (step === 'committed' && isClaimed) process.kill(process.pid, 'SIGKILL');
        if (step !== 'claimed' || isClaimed) return;
        isClaimed = true;
        claimed.resolve();
        await new Promise(() => {});
      },
      async (step) => {
        if (act.act === 'hold' && step === act.step) process.kill(process.pid, 'SIGKILL');
      },
    ),
  ],
});
const service = Spillway.of(orm);

switch (act.act) {
  case 'set-up':
    await setUp();
    break;
  case 'stage':
    for (const [page, hits] of Object.entries(act.hits)) await service.increment(Page, page, { hits });
    answer({ staged: true });
    break;
  case 'change':
    await change();
    break;
  case 'break-off':
    await service.start();
    await service.increment(Page, act.first, { hits: act.hits });
    await claimed.promise;
    // In one call: the process dies as soon as some of them are written.
    await service.incrementMany(
      Page,
      act.others.map((key) => ({ key, by: { hits: act.hits } })),
    );
    await new Promise(() => {});
    break;
  case 'hold':
    await hold(act.page);
    break;
  case 'look':
    answer(await look());
    break;
  case 'write':
    answer(await write());
    break;
}
// A process that stages ends as one that is killed: a close would write what is left.
if (act.act !== 'set-up' && act.act !== 'write') process.kill(process.pid, 'SIGKILL');
await orm.close();

/** Rows in PostgreSQL, two dead letters, and a copy of each page in Redis. */
async function setUp(): Promise<void> {
  await orm.schema.update();
  const em = orm.em.fork();
  for (const id of PAGES.filter((page) => page !== 'lost')) em.create(Page, { id, hits: 0 });
  for (const id of ITEMS.filter((item) => item !== 'made')) em.create(Item, { id, text: 'first' });
  await em.flush();
  await service.drain({ until: 'written' });
  await service.increment(Page, 'lost', { hits: 3 });
  const item = await em.findOneOrFail(Item, 'in conflict');
  item.text = 'second';
  await em.getConnection().execute(`update item set text = 'other', version = version + 1 where id = 'in conflict'`);
  await em.flush();
  await service.drain();
  await look();
  answer(await service.status());
}

async function change(): Promise<void> {
  const em = orm.em.fork();
  em.create(Item, { id: 'made', text: 'made' });
  (await em.findOneOrFail(Item, 'changed')).text = 'changed';
  em.remove(await em.findOneOrFail(Item, 'deleted'));
  await em.flush();
  answer({ staged: true });
}

async function hold(page: string): Promise<void> {
  await orm.em.fork().transactional(
    async (em) => {
      (await em.findOneOrFail(Page, page)).hits += 100;
      await em.flush();
    },
    { spillway: 'stage' },
  );
}

async function look(): Promise<Seen> {
  const { inFlight, dead, held, pending } = await service.status();
  const letters = await service.deadLetters.list();
  const em = orm.em.fork();
  const pages = await Promise.all(PAGES.map((id) => em.findOne(Page, id)));
  const items = await Promise.all(ITEMS.map((id) => em.findOne(Item, id)));
  return {
    status: { inFlight, dead, held, pending: sumOf(pending) },
    letters: letters.map(({ rowKey, code }) => ({ key: String(rowKey), code })),
    rows: {
      pages: Object.fromEntries(pages.flatMap((row) => (row ? [[row.id, row.hits]] : []))),
      items: Object.fromEntries(items.flatMap((row) => (row ? [[row.id, row.text]] : []))),
    },
    said,
  };
}

async function write(): Promise<Written> {
  await service.drain({ until: 'written', timeout: '30s' });
  const { inFlight, held, pending } = await service.status();
  const retried: string[] = [];
  // The row that was missing is there now, and the conflict is decided for the letter.
  await orm.em.getConnection().execute(`insert into page (id, hits) values ('lost', 0)`);
  for (const letter of await service.deadLetters.list()) {
    const isLost = letter.code === 'ROW_MISSING';
    retried.push(isLost ? await service.deadLetters.retry(letter) : String(await service.deadLetters.discard(letter)));
  }
  await service.drain({ until: 'written', timeout: '30s' });
  return { left: { inFlight, held, pending: sumOf(pending) }, retried: retried.toSorted(), said };
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
