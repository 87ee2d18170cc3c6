import { SpillwayError } from '../../../errors.js';
import type { Tier } from '../../../policy/durability.js';
import { type Argument, type RedisConnection, text } from '../connection.js';

/** What a server says of the tiers that it can give. */
export interface Abilities {
  /** How many replicas are online; `undefined`: it does not let us ask. */
  readonly replicas: number | undefined;
  /** Whether it knows WAIT. Dragonfly does not. */
  readonly knowsWait: boolean;
  /**
   * How a change comes to its disk: `always` before the answer, `waits` if it is waited for, `never` in time.
   * `unverified`: it does not let us ask.
   */
  readonly disk: 'always' | 'waits' | 'never' | 'unverified';
}

type Ask = Pick<RedisConnection, 'command' | 'server' | 'serverKind'>;

/** Asks a server what it can give. Changes nothing, and waits for nothing. */
export async function askAbilities(connection: Ask, tier: Tier): Promise<Abilities> {
  const wantsReplicas = tier === 'replicated' || tier === 'both';
  const wantsDisk = tier === 'fsynced' || tier === 'both';
  const [knowsWait, replicas, disk] = await Promise.all([
    wantsReplicas && knowsToWait(connection),
    wantsReplicas ? onlineReplicas(connection) : undefined,
    wantsDisk ? diskOf(connection) : ('unverified' as const),
  ]);
  return { knowsWait, replicas, disk };
}

/** A server of a kind whose `WAIT` was never tried has none, as far as Spillway knows. */
async function knowsToWait(connection: Ask): Promise<boolean> {
  return (await connection.serverKind()).can.wait !== false && isKnown(connection, 'WAIT', [0, 1]);
}

async function onlineReplicas(connection: Ask): Promise<number | undefined> {
  const info = await answerOf(connection, 'INFO', ['replication']);
  if (info === undefined) return undefined;
  return [...text(info).matchAll(/^slave\d+:.*\bstate=online\b/gmu)].length;
}

async function diskOf(connection: Ask): Promise<Abilities['disk']> {
  const [waits, appendOnly, fsync, pausesFsync] = await Promise.all([
    isKnown(connection, 'WAITAOF', [0, 0, 1]),
    setting(connection, 'appendonly'),
    setting(connection, 'appendfsync'),
    setting(connection, 'no-appendfsync-on-rewrite'),
  ]);
  if (appendOnly !== undefined && appendOnly !== 'yes') return 'never';
  if (appendOnly === 'yes' && fsync === 'always' && pausesFsync === 'no') return 'always';
  // WAITAOF is refused where there is no append-only file, so its answer proves that there is one.
  if (waits) return 'waits';
  return appendOnly === undefined ? 'unverified' : 'never';
}

async function setting(connection: Ask, name: string): Promise<string | undefined> {
  const answer = await answerOf(connection, 'CONFIG', ['GET', name]);
  return Array.isArray(answer) && answer[1] !== undefined ? String(answer[1]) : undefined;
}

/** `undefined`: the server answers nothing to this user. */
async function answerOf(connection: Ask, name: string, args: readonly Argument[]): Promise<unknown> {
  try {
    return await connection.command(name, args);
  } catch (error) {
    if (isUnanswered(error)) throw error;
    return undefined;
  }
}

async function isKnown(connection: Ask, name: string, args: readonly Argument[]): Promise<boolean> {
  try {
    await connection.command(name, args);
    return true;
  } catch (error) {
    if (isUnanswered(error)) throw error;
    if (/\bcannot be used with replica\b/u.test((error as Error).message)) throw noPrimary(connection, error);
    return false;
  }
}

function noPrimary({ server }: Ask, cause: unknown): SpillwayError {
  const message = `Redis at ${server} is a replica now; nothing was staged. Spillway looks for the primary; try again`;
  return new SpillwayError('STAGING_UNAVAILABLE', message, { cause });
}

/** False if the server has answered with an error: it does not know the command, or this user may not run it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof SpillwayError && error.code !== 'CONFIG_INVALID';
}

/** Why a server with these abilities cannot give the tier, with the remedy; `undefined`: it can. */
export function whyUnsupported(tier: Tier, { knowsWait, replicas, disk }: Abilities): string | undefined {
  if ((tier === 'replicated' || tier === 'both') && !knowsWait)
    return "does not let its user run WAIT, which durability: 'replicated' needs. Give the user +wait; a server that does not know WAIT, such as Dragonfly, cannot give it";
  if ((tier === 'replicated' || tier === 'both') && replicas === 0)
    return "has no replica online, which durability: 'replicated' needs. Start one, or wait until one has caught up (INFO replication)";
  if ((tier === 'fsynced' || tier === 'both') && disk === 'never')
    return 'does not tell when a change is on its disk, which durability: \'fsynced\' needs. Set "appendonly yes" and "appendfsync always" with "no-appendfsync-on-rewrite no"; or take Redis 7.2, or Valkey, and give its user +waitaof';
  return undefined;
}

/** What the server did not let us ask, for a person; `undefined`: nothing. */
export function whatIsUnverified(tier: Tier, { replicas, disk }: Abilities): string | undefined {
  if ((tier === 'fsynced' || tier === 'both') && disk === 'unverified')
    return "durability: 'fsynced' is unverified, since it forbids CONFIG GET and has no WAITAOF";
  if ((tier === 'replicated' || tier === 'both') && replicas === undefined)
    return "durability: 'replicated' waits for one replica, since it forbids INFO, which would tell how many there are";
  return undefined;
}
