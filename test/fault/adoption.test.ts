import { setTimeout as pause } from 'node:timers/promises';
import { database, eventually, freshNamespace, redis } from '@spillway/test-support';
import { MikroORM } from '@mikro-orm/postgresql';
import { expect, test } from 'vitest';
import type { TallyRole } from './programs/settings.js';
import { Tally } from './programs/tallies.js';
import type { Entry, Tallied } from './support/journal.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';

const ROWS = ['a', 'b', 'c'];
/** Of processes that are about to leave. */
const KILLS = 5;
const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);

test.each(['off', 'through', 'none'] as const)(
  `F37: a release that stages beside one that does not (%s), killed while it leaves: nothing lost, nothing twice, no stale read (SPILLWAY_FAULT_SEED=${SEED})`,
  async (next) => {
    const db = await database();
    await using server = await redis({ appendfsync: 'always' });
    await using programs = new Programs();
    const random = randomOf(SEED);
    const place = { databaseUrl: db.url, redisUrl: server.url, namespace: freshNamespace(), shards: 4 };
    // Knows nothing of Spillway.
    const eye = await MikroORM.init({ entities: [Tally], clientUrl: db.url });
    await eye.schema.create();
    await eye.em.fork().insertMany(
      Tally,
      ROWS.map((id) => ({ id, hits: 0 })),
    );
    const all: { readonly role: TallyRole; readonly program: Program }[] = [];
    const start = (role: TallyRole): Program => {
      const program = programs.tally({ ...place, role, rows: ROWS, lanes: 3, seed: below(random, 1e6) });
      all.push({ role, program });
      return program;
    };
    const journalOf = (...roles: TallyRole[]): Told[] =>
      all.flatMap(({ role, program }, number) =>
        roles.includes(role)
          ? program
              .journal()
              .filter(isTallied)
              .map((entry) => ({ ...entry, by: `${role} ${number}` }))
          : [],
      );
    const added = (...roles: TallyRole[]): number => journalOf(...roles).filter(({ kind }) => kind === 'added').length;
    const goesOn = async (more: number, ...roles: TallyRole[]): Promise<void> => {
      const goal = added(...roles) + more;
      await eventually(() => added(...roles) >= goal, { what: `${more} more additions`, timeoutMs: 30_000 });
    };

    // The older release, then both, and the newer one is killed again and again.
    const old = [start('stages'), start('stages')];
    await goesOn(100, 'stages');
    let newer = start(next);
    for (let kill = 1; kill <= 2; kill++) {
      await newer.ready();
      // One without a policy is refused as long as others stage.
      await (next === 'none' ? pause(300) : goesOn(5, next));
      await goesOn(20, 'stages');
      await newer.kill9();
      newer = start(next);
    }
    await newer.ready();

    // The older one ends, and the newer one leaves; if nobody keeps it from that. One of the older is killed: what it
    // has staged stays.
    old[0]?.signal('SIGTERM');
    await old[0]?.endsWith(0);
    await goesOn(20, 'stages');
    await old[1]?.kill9();
    // What the last one of the older release left pending somebody has to write who knows its policy. The newer one
    // that starts after that leaves for good.
    if (next === 'none') {
      const worker = start('stages');
      await worker.ready();
      worker.signal('SIGTERM');
      await worker.endsWith(0);
    }
    for (let kill = 1; kill <= KILLS; kill++) {
      await pause(below(random, 250));
      await newer.kill9();
      newer = start(next);
      await newer.ready();
    }
    const registered = async (): Promise<unknown> =>
      eye.em.getConnection().execute("select name from spillway_registry where kind = 'staged'");
    await eventually(async () => expect(await registered()).toEqual([]), { timeoutMs: 30_000 });
    await goesOn(20, next);

    // A process of the older release that comes late adds nothing any more, and reads what is there.
    const late = start('stages');
    await late.ready();
    await eventually(() => late.journal().filter(({ kind }) => kind === 'refused').length > 5, { timeoutMs: 30_000 });
    await eventually(() => late.journal().filter(({ kind }) => kind === 'read').length > 20, { timeoutMs: 30_000 });
    expect(late.journal().filter(({ kind }) => kind === 'added')).toEqual([]);
    for (const program of [late, newer]) {
      program.signal('SIGTERM');
      await program.endsWith(0);
    }

    const entries = journalOf('stages', next);
    const sums = await eye.em.fork().find(Tally, {}, { orderBy: { id: 1 } });
    expect({ wrong: sums.flatMap(({ id, hits }) => wrongSum(id, hits, entries)), seed: SEED }).toEqual({
      wrong: [],
      seed: SEED,
    });
    expect({ stale: tooLow(entries), seed: SEED }).toEqual({ stale: [], seed: SEED });
    expect(entries.filter(({ kind }) => kind === 'read').length).toBeGreaterThan(200);
    await eye.close();
    await db.drop();
  },
  120_000,
);

/** Which process says it. */
type Told = Tallied & { readonly by: string };

function isTallied(entry: Entry): entry is Tallied {
  return entry.kind === 'adds' || entry.kind === 'added' || entry.kind === 'refused' || entry.kind === 'read';
}

function wrongSum(id: string, hits: number, entries: readonly Tallied[]): string[] {
  const sum = (kind: Tallied['kind']): number =>
    entries.reduce((total, entry) => total + (entry.row === id && entry.kind === kind ? entry.amount : 0), 0);
  const most = sum('adds') - sum('refused');
  const isRight = hits >= sum('added') && hits <= most;
  return isRight ? [] : [`${id} has ${hits}: ${sum('added')} were acknowledged, and ${most} begun`];
}

/** Look-ups that saw less than had been acknowledged before they began. */
function tooLow(entries: readonly Told[]): string[] {
  const inTime = entries.toSorted((left, right) => Number(BigInt(left.at) - BigInt(right.at)));
  const sums = new Map<string, { readonly sum: number; readonly last: string }>();
  return inTime.flatMap(({ kind, row, amount, at, by }) => {
    const { sum, last } = sums.get(row) ?? { sum: 0, last: 'nobody' };
    if (kind === 'added') sums.set(row, { sum: sum + amount, last: `${by} at ${at}` });
    if (kind !== 'read' || amount >= sum) return [];
    return [
      `${row} was seen at ${amount} by ${by}, which began at ${at}; it had been at ${sum}, last added to by ${last}`,
    ];
  });
}
