import type { Health, Spillway, SpillwayStatus } from '@spillway/core';
import { Command } from 'commander';
import { setTimeout as pause } from 'node:timers/promises';
import type { Acting, Answer, Session } from '../command.js';
import { EXIT } from '../exit-code.js';
import { Interruption } from '../interruption.js';
import { duration } from '../output/duration.js';
import type { Mood, Page } from '../output/page.js';
import { numberOption } from '../read-options.js';

interface StatusOptions {
  readonly watch?: number | true;
}

const WATCH_EVERY_S = 2;

/** `spillway status`: what is pending, and whether it reaches the database. */
export function statusCommand(session: Session): Command {
  const command = new Command('status')
    .description('show what is pending, and whether it reaches the database')
    .option(
      '--watch [seconds]',
      `show it again every ${WATCH_EVERY_S} seconds, or so many, until it is interrupted; with --json a line each time`,
      numberOption(1),
    );
  return command.action(async () => session.act<StatusOptions>(command, async (acting) => status(acting, session)));
}

async function status({ spillway, options, terminal }: Acting<StatusOptions>, session: Session): Promise<Answer> {
  const { watch } = options;
  if (watch === undefined) return statusAnswer(spillway);
  using interruption = new Interruption();
  const everyMs = (watch === true ? WATCH_EVERY_S : watch) * 1_000;
  let answer = await statusAnswer(spillway);
  while (!interruption.signal.aborted) {
    if (options.json !== true && terminal.isInteractive) terminal.clear();
    session.answer(answer, options);
    await pause(everyMs, undefined, { signal: interruption.signal }).catch(() => undefined);
    answer = await statusAnswer(spillway);
  }
  return answer;
}

/** What other processes have counted is not known here, so that is left out. */
async function statusAnswer(spillway: Spillway): Promise<Answer> {
  const { forcedDrains: _ofProcess, writes: _too, ...counts } = await spillway.status();
  const health = await spillway.health();
  return {
    json: { health, ...counts },
    show: (page) => showStatus(page, counts, health),
    exitCode: health.status === 'up' ? EXIT.FINE : EXIT.LEFT,
  };
}

const MOODS: Readonly<Record<Health['status'], Mood>> = { up: 'good', degraded: 'careful', down: 'bad' };

function showStatus(page: Page, counts: Omit<SpillwayStatus, 'forcedDrains' | 'writes'>, health: Health): void {
  const { pending, servers = [], silentShards = [], oldestMs, paused } = counts;
  const problems = health.problems.map((problem) => [problem]);
  page.table('health', ['health'], [[page.coloured(MOODS[health.status], health.status)]]);
  page.table('problem', ['problem'], problems);
  page.table(
    'pending',
    ['entity', 'pending'],
    Object.entries(pending).map(([entity, count]) => [entity, String(count)]),
  );
  page.table(
    'count',
    ['of all entities', ''],
    [
      ['in flight', String(counts.inFlight)],
      ['held by transactions', String(counts.held)],
      ['dead letters', String(counts.dead)],
      ['dead letters dropped', String(counts.deadDropped)],
      ['staged since the beginning', String(counts.staged)],
      ['coalesced of those', String(counts.coalesced + counts.annihilated)],
      ...(oldestMs === undefined ? [] : [['oldest pending', duration(oldestMs)]]),
      ...(silentShards.length === 0 ? [] : [['shards without an answer', String(silentShards.length)]]),
    ],
  );
  page.table(
    'paused',
    ['paused'],
    [...(paused.all ? ['everything'] : []), ...paused.entities].map((name) => [name]),
  );
  page.table(
    'server',
    ['server'],
    servers.map((server) => [server]),
  );
}
