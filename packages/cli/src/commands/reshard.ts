import type { Duration, SpillwayOptions } from '@spillway/core';
import { Command } from 'commander';
import type { Acting, Answer, Session } from '../command.js';
import { WrongUsage } from '../exit-code.js';
import { durationOption, numberOption } from '../read-options.js';

interface ReshardOptions {
  readonly redis?: readonly string[];
  readonly cluster?: readonly string[];
  readonly shards?: number;
  readonly timeout: Duration;
}

/** `spillway reshard`: moves the shards to other servers, or to another number. */
export function reshardCommand(session: Session): Command {
  const command = new Command('reshard')
    .description('move the shards to other Redis servers, or to another number; the configuration has the old map')
    .option('--redis <url...>', 'the new Redis server, or the new servers')
    .option('--cluster <url...>', 'servers of the new Redis Cluster')
    .option('--shards <number>', 'the new number of shards', numberOption(1))
    .option('--timeout <duration>', 'how long writing what is pending may take', durationOption, '5m');
  return command.action(async () => session.act<ReshardOptions>(command, reshard));
}

async function reshard({ spillway, options, terminal }: Acting<ReshardOptions>): Promise<Answer> {
  const { timeout } = options;
  const map = mapOf(options);
  terminal.say('The shards are moved. Processes with the old map are refused until the move has ended.');
  const report = await spillway.reshard(map, { timeout });
  const { from, to, movedLetters } = report;
  return {
    json: report,
    show: (page) =>
      page
        .line(`Moved from ${from} to ${to}; dead letters in other shards: ${movedLetters}.`)
        .line('Start the processes with the new map now.'),
  };
}

function mapOf({ redis, cluster, shards }: ReshardOptions): Pick<SpillwayOptions, 'redis' | 'shards'> {
  if (redis && cluster) throw new WrongUsage('--redis and --cluster are two maps: give one of them');
  if (!redis && !cluster && shards === undefined)
    throw new WrongUsage('Say where the shards go, by --redis or --cluster, or how many there are, by --shards');
  const [first = '', ...others] = redis ?? [];
  return {
    ...(redis && { redis: others.length === 0 ? first : { nodes: [first, ...others] } }),
    ...(cluster && { redis: { cluster } }),
    ...(shards !== undefined && { shards }),
  };
}
