import { setTimeout as pause } from 'node:timers/promises';
import { ORIGIN } from '../change/token.js';
import { textOf } from '../errors.js';
import { compareChain, type ChainState } from '../flush/chain.js';
import { formatDuration } from '../policy/duration.js';
import type { ResolvedPolicy } from '../policy/policy.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { StagingStats, StagingStore } from '../staging/staging-store.js';
import { type Finding, ok, problem, warning } from './finding.js';

/** What is asked of an entity. */
interface DoctoredEntity {
  readonly name: string;
  readonly policy: Pick<ResolvedPolicy, 'maxDelayMs' | 'maxPending'>;
}

export interface StagingQuestion {
  readonly staging: StagingStore;
  readonly sink: Pick<ChangeSink, 'lastTokens' | 'pausedEntities'>;
  readonly entities: readonly DoctoredEntity[];
  /** How often a worker of these options looks for what is due. */
  readonly pollMs: number;
}

/** What is found in the staging store: whether it is whole, whether it takes changes, and whether they are written. */
export async function examineStaging(question: StagingQuestion): Promise<readonly Finding[]> {
  const { staging, entities } = question;
  const stats = await staging.stats();
  return [
    ...(await chainFindings(question)),
    ...(await roomFindings(staging, stats, entities)),
    ...(await writingFindings(question, stats)),
    await pausedFinding(question),
    ...(await letterFindings(staging, stats)),
  ];
}

async function chainFindings({ staging, sink }: StagingQuestion): Promise<readonly Finding[]> {
  const all = [...Array(staging.shards).keys()];
  const [tokens, chains] = await Promise.all([
    sink.lastTokens(all),
    Promise.all(all.map(async (shard) => staging.chain(shard))),
  ]);
  const broken: Record<Exclude<ChainState, 'whole'>, number[]> = { 'database-forgot': [], 'staging-forgot': [] };
  for (const shard of all) {
    const state = await chainOf(shard, chains[shard], tokens.get(shard) ?? ORIGIN, { staging, sink });
    if (state !== 'whole') broken[state].push(shard);
  }
  const findings = [
    ...(broken['staging-forgot'].length > 0 ? [forgotten(broken['staging-forgot'])] : []),
    ...(broken['database-forgot'].length > 0 ? [restored(broken['database-forgot'])] : []),
  ];
  return findings.length > 0 ? findings : [ok('chain', 'Redis and PostgreSQL know the same last batch of each shard.')];
}

/** A batch that ends between the two questions looks like a broken chain, so a broken one is asked again. */
async function chainOf(
  shard: number,
  seen: Awaited<ReturnType<StagingStore['chain']>>,
  token: string,
  { staging, sink }: Pick<StagingQuestion, 'staging' | 'sink'>,
): Promise<ChainState> {
  if (stateOf(seen, token) === 'whole') return 'whole';
  const again = await staging.chain(shard);
  return stateOf(again, (await sink.lastTokens([shard])).get(shard) ?? ORIGIN);
}

function stateOf(seen: Awaited<ReturnType<StagingStore['chain']>>, token: string): ChainState {
  if (seen === undefined) return token === ORIGIN ? 'whole' : 'staging-forgot';
  if (token === seen.inFlight) return 'whole';
  return compareChain(seen.last, token);
}

function forgotten(shards: readonly number[]): Finding {
  return problem(
    'chain',
    `Redis has forgotten what was written of ${shardsText(shards)}: it was emptied, or is another server or an older state. ` +
      'What was staged there and not yet written is lost.',
    'See why Redis has lost its data, and that it has an append-only file. The next process that flushes begins these ' +
      'shards anew; look for the event staging-loss and for dead letters STAGING_LOSS.',
  );
}

function restored(shards: readonly number[]): Finding {
  return problem(
    'chain',
    `PostgreSQL has forgotten batches of ${shardsText(shards)} that Redis has seen committed: it was restored, or has failed over to a replica that lagged.`,
    'Compare the rows that were written since the backup with where they come from. Flushing goes on by itself.',
  );
}

function shardsText(shards: readonly number[]): string {
  const named = shards.slice(0, 8).join(', ');
  return shards.length === 1 ? `shard ${named}` : `${shards.length} shards (${named}${shards.length > 8 ? ', …' : ''})`;
}

async function roomFindings(
  staging: StagingStore,
  { pending, silentShards = [] }: StagingStats,
  entities: readonly DoctoredEntity[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const remedy = 'See the log of Redis, and lead to a server that takes writes and has room.';
  try {
    for (const { error } of await staging.probe()) findings.push(problem('room', textOf(error), remedy));
  } catch (error) {
    findings.push(problem('room', textOf(error), remedy));
  }
  if (silentShards.length > 0)
    findings.push(
      problem('room', `The server of ${shardsText(silentShards)} has not answered.`, 'See whether it runs.'),
    );
  for (const { name, policy } of entities)
    if ((pending[name] ?? 0) >= policy.maxPending)
      findings.push(
        problem(
          'room',
          `${pending[name]} changes of ${name} are pending, as many as maxPending allows. Further ones are refused or written by SQL.`,
          'See why PostgreSQL does not keep up, or raise maxPending.',
        ),
      );
  return findings.length > 0 ? findings : [ok('room', 'Redis takes changes, and every queue has room.')];
}

/** How much longer than its policy says a change may wait. */
const OVERDUE_MS = 30_000;
/** How long something that is due may stay where it is before that means that nobody takes it. */
const TAKEN_WITHIN_MS = 5_000;
/** The pause between two looks at what is due. */
const LOOK_AGAIN_MS = 1_500;

async function writingFindings(
  { staging, entities, pollMs }: StagingQuestion,
  first: StagingStats,
): Promise<readonly Finding[]> {
  const due = await dueShards(staging);
  if (due.size === 0) return nothingDue(first);
  await pause(LOOK_AGAIN_MS);
  const [stats, later] = await Promise.all([staging.stats(), dueShards(staging)]);
  const oldestMs = stats.oldestMs ?? 0;
  const longestMs = entities.reduce((longest, { policy }) => Math.max(longest, policy.maxDelayMs), 0);
  const isTaken = stats.inFlight > 0 || hasMoved(first, stats) || ![...due].every((shard) => later.has(shard));
  const waited = `The oldest change has waited ${formatDuration(Math.round(oldestMs / 1_000) * 1_000)}`;
  const isOverdue = oldestMs > longestMs + OVERDUE_MS;
  const lag = isOverdue
    ? problem(
        'lag',
        `${waited}. Pending: ${totalOf(stats)}.`,
        'See whether a worker runs, and whether PostgreSQL keeps up.',
      )
    : ok('lag', `${waited}. Pending: ${totalOf(stats)}.`);
  return [lag, workerFinding(isTaken && !isOverdue, oldestMs > longestMs + pollMs + TAKEN_WITHIN_MS, due.size)];
}

function nothingDue(stats: StagingStats): readonly Finding[] {
  return [
    ok('lag', `Nothing is due. Pending: ${totalOf(stats)}.`),
    ok('worker', 'Nothing is due, so whether a worker runs does not show.'),
  ];
}

function workerFinding(isTaken: boolean, isLate: boolean, due: number): Finding {
  if (isTaken) return ok('worker', 'A worker takes what is due.');
  const message = `Something is due in ${count(due, 'shard')}, and no worker has taken it.`;
  const remedy = 'Start a process with a worker, such as "spillway worker", or see why those that run write nothing.';
  return isLate ? problem('worker', message, remedy) : warning('worker', message, remedy);
}

async function pausedFinding({ sink }: StagingQuestion): Promise<Finding> {
  const { isAll, entities } = await sink.pausedEntities.list();
  if (!isAll && entities.size === 0) return ok('paused', 'Nothing is paused.');
  const names = isAll ? 'Writing' : [...entities.keys()].join(', ');
  return warning(
    'paused',
    `${names} is paused: what is staged waits until somebody resumes it.`,
    'When what it was paused for has ended, run "spillway resume", with the entity if one is named.',
  );
}

/** Something was written or discarded between two looks, for the oldest change was not that old before. */
function hasMoved(first: StagingStats, second: StagingStats): boolean {
  if (second.oldestMs === undefined || first.oldestMs === undefined) return true;
  return second.oldestMs < first.oldestMs || totalPending(second) < totalPending(first);
}

function totalPending({ pending }: StagingStats): number {
  return Object.values(pending).reduce((sum, each) => sum + each, 0);
}

function totalOf(stats: StagingStats): string {
  return count(totalPending(stats), 'row');
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}

async function dueShards(staging: StagingStore): Promise<ReadonlySet<number>> {
  const waits = await staging.due.next();
  return new Set(waits.flatMap((wait, shard) => (wait === 0 ? [shard] : [])));
}

/** How many letters are read to say why there are some. */
const READ_LETTERS = 100;

async function letterFindings(staging: StagingStore, { dead, deadDropped }: StagingStats): Promise<readonly Finding[]> {
  const dropped =
    deadDropped === 0
      ? []
      : [
          warning(
            'dead-letters',
            `${deadDropped} dead letters were dropped, because they were too many or too old. Their changes are lost.`,
            'Look at dead letters sooner, or raise deadLetters.keep and deadLetters.keepFor.',
          ),
        ];
  if (dead === 0) return [ok('dead-letters', 'There are no dead letters.'), ...dropped];
  const letters = await staging.deadLetters.list({ limit: READ_LETTERS });
  const kinds = Map.groupBy(letters, ({ record, code }) => `${record.entity} ${code}`);
  const named = [...kinds].map(([kind, { length }]) => `${kind} (${length})`).slice(0, 5);
  const message = `${count(dead, 'change')} could not be written and became dead letters: ${named.join(', ')}.`;
  const remedy =
    'See why by "spillway dead-letters list", mend it, and retry or discard them by "spillway dead-letters retry" or "discard".';
  return [problem('dead-letters', message, remedy), ...dropped];
}
