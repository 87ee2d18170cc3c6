/** What a server does beside the commands of scripts. */
type Ability =
  /** `WAIT`: how many replicas have what this connection wrote. */
  | 'wait'
  /** `WAITAOF`: whether what this connection wrote is on disk. */
  | 'waitAof'
  /** `FUNCTION` and `FCALL`. */
  | 'functions';

/** Which program a server is, by what it says of itself. */
export interface ServerKind {
  /** `unknown`: it does not tell, or names no program that is known here. */
  readonly name: 'redis' | 'valkey' | 'dragonfly' | 'unknown';
  /** Its own version, such as `8.0.1`; empty if it does not tell. Never the one of Redis that it is compatible with. */
  readonly version: string;
  readonly mode: 'standalone' | 'cluster' | 'sentinel' | 'unknown';
  /** `undefined`: it does not tell what it is, so nobody knows. */
  readonly can: Readonly<Record<Ability, boolean | undefined>>;
}

/** In which version each ability came. A server without an entry does not have it, in any version that was tried. */
const SINCE: Readonly<Record<'redis' | 'valkey' | 'dragonfly', Partial<Record<Ability, string>>>> = {
  redis: { wait: '3.0', waitAof: '7.2', functions: '7.0' },
  valkey: { wait: '7.2', waitAof: '7.2', functions: '7.2' },
  // Its newest releases have a WAIT. Spillway was never run there.
  dragonfly: {},
};

const ABILITIES = ['wait', 'waitAof', 'functions'] as const;

/**
 * Reads the section `server` of `INFO`. Valkey and Dragonfly give a `redis_version` too, that of the Redis which they
 * are compatible with, so it counts only where no other program names itself.
 *
 * @param info empty: the server did not let itself be asked
 */
export function serverKindOf(info: string): ServerKind {
  const field = (name: string): string | undefined => new RegExp(`^${name}:([^\\r\\n]+)`, 'mu').exec(info)?.[1];
  const [name, said = ''] = programIn(field);
  const version = /\d+(?:\.\d+)*/u.exec(said)?.[0] ?? '';
  const mode = field('redis_mode') ?? field('server_mode');
  return {
    name,
    version,
    mode: mode === 'standalone' || mode === 'cluster' || mode === 'sentinel' ? mode : 'unknown',
    can: Object.fromEntries(ABILITIES.map((ability) => [ability, has(name, version, ability)])) as ServerKind['can'],
  };
}

function programIn(field: (name: string) => string | undefined): readonly [ServerKind['name'], string?] {
  const dragonfly = field('dragonfly_version');
  if (dragonfly !== undefined) return ['dragonfly', dragonfly];
  const valkey = field('valkey_version');
  if (valkey !== undefined || field('server_name') === 'valkey') return ['valkey', valkey ?? ''];
  const redis = field('redis_version');
  const another = field('server_name');
  if (redis === undefined || (another !== undefined && another !== 'redis')) return ['unknown'];
  return ['redis', redis];
}

function has(name: ServerKind['name'], version: string, ability: Ability): boolean | undefined {
  if (name === 'unknown') return undefined;
  const since = SINCE[name][ability];
  if (since === undefined) return false;
  return version === '' ? undefined : !isOlder(version, since);
}

/** Part by part, as numbers: 7.10 is newer than 7.2. */
function isOlder(version: string, other: string): boolean {
  const [left, right] = [version, other].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (const [at, part] of right.entries()) if ((left[at] ?? 0) !== part) return (left[at] ?? 0) < part;
  return false;
}

const TITLES = { redis: 'Redis', valkey: 'Valkey', dragonfly: 'Dragonfly', unknown: 'A server of an unknown kind' };

/** For people: `Valkey 8.0.1 at 127.0.0.1:6379`. */
export function serverText({ name, version, mode }: ServerKind, place: string): string {
  const title = version === '' ? TITLES[name] : `${TITLES[name]} ${version}`;
  return `${title} at ${place}${mode === 'standalone' || mode === 'unknown' ? '' : ` (${mode})`}`;
}
