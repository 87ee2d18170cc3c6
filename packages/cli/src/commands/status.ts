import type { Health, SpillwayStatus } from '@spillway/core';
import { Command } from 'commander';
import type { Answer, Session } from '../command.js';
import { EXIT } from '../exit-code.js';
import { duration } from '../output/duration.js';
import type { Mood, Page } from '../output/page.js';

/** `spillway status`: what is pending, and whether it reaches the database. */
export function statusCommand(session: Session): Command {
  const command = new Command('status').description('show what is pending, and whether it reaches the database');
  return command.action(async () =>
    session.act(command, async ({ spillway }) => statusAnswer(await spillway.status(), await spillway.health())),
  );
}

/** What other processes have counted is not known here, so that is left out. */
function statusAnswer({ forcedDrains: _ofProcess, writes: _too, ...counts }: SpillwayStatus, health: Health): Answer {
  return {
    json: { health, ...counts },
    show: (page) => showStatus(page, counts, health),
    exitCode: health.status === 'up' ? EXIT.FINE : EXIT.LEFT,
  };
}

const MOODS: Readonly<Record<Health['status'], Mood>> = { up: 'good', degraded: 'careful', down: 'bad' };

function showStatus(page: Page, counts: Omit<SpillwayStatus, 'forcedDrains' | 'writes'>, health: Health): void {
  const { pending, servers = [], silentShards = [], oldestMs } = counts;
  const { status, problems } = health;
  page.table('health', ['health'], [[page.coloured(MOODS[status], status)]]);
  page.table(
    'problem',
    ['problem'],
    problems.map((problem) => [problem]),
  );
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
    'server',
    ['server'],
    servers.map((server) => [server]),
  );
}
