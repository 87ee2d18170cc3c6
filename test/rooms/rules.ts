/**
 * Which room of `packages/core/src` may import what. Imports point one way: pure rooms import nothing but each other;
 * the rooms that act import pure rooms and the ports; `mikro-orm` adapts; `spillway.ts` alone sees all.
 */
export interface RoomRule {
  /** Rooms and files of `src` that it may import; of those in `types`, only types. Its own files it always may. */
  readonly imports: readonly string[];
  readonly types: readonly string[];
  /** Packages it may import; of those in `packageTypes`, only types. */
  readonly packages: readonly string[];
  readonly packageTypes: readonly string[];
}

const pureRooms = ['change', 'policy', 'conflict'];
/** What every room may use. */
const base = ['errors', 'printable', 'bare-error'];
const ports = ['staging/*', 'sink/*'];

/**
 * A room is a folder of `src` or a file directly in it. Where a room's folders have rules of their own (an adapter),
 * the longest name that fits a file counts. `x/*` stands for the files directly in `x`: a port and its plain data.
 */
export const roomRules: Readonly<Record<string, RoomRule>> = {
  change: rule({ imports: [...base, ...pureRooms], packages: ['msgpackr'] }),
  policy: rule({ imports: [...base, ...pureRooms] }),
  conflict: rule({ imports: [...base, ...pureRooms] }),
  printable: rule({}),
  'bare-error': rule({ imports: ['printable'] }),
  errors: rule({ imports: ['printable', 'bare-error'], types: pureRooms }),
  events: rule({ imports: [...base, ...pureRooms], types: ports, packages: ['rxjs'] }),
  options: rule({
    imports: [...base, ...pureRooms],
    types: [...ports, 'staging/redis', 'staging/nodes', 'staging/cluster', 'events'],
  }),
  // What may be said of Redis is known where ioredis is.
  'resolve-options': rule({
    imports: [...base, 'options', 'staging/redis', 'staging/nodes', 'staging/cluster', ...pureRooms],
    types: [...ports, 'events'],
  }),

  staging: rule({ imports: [...base, ...pureRooms], types: ['options'] }),
  'staging/redis': rule({
    imports: [...base, ...pureRooms, 'staging/*'],
    types: ['options'],
    packages: ['ioredis', 'msgpackr'],
  }),
  'staging/nodes': rule({
    imports: [...base, ...pureRooms, 'staging/*', 'staging/redis'],
    packageTypes: ['ioredis'],
  }),
  'staging/reshard': rule({
    imports: [...base, ...pureRooms, 'staging/*', 'staging/redis', 'staging/nodes', 'staging/cluster'],
  }),
  'staging/cluster': rule({
    imports: [...base, ...pureRooms, 'staging/*', 'staging/redis', 'staging/nodes'],
    packageTypes: ['ioredis'],
  }),
  'staging/memory': rule({
    imports: [...base, ...pureRooms, 'staging/*'],
    types: ['options'],
    packages: ['msgpackr'],
  }),
  sink: rule({ imports: [...base, ...pureRooms], types: ['options', 'staging/*'] }),
  'sink/postgres': rule({
    imports: [...base, ...pureRooms, 'sink/*'],
    types: ['options', 'staging/*'],
    packages: ['pg'],
  }),
  flush: rule({
    imports: [...base, ...pureRooms, ...ports],
    types: ['options', 'events', 'observability'],
    packages: ['rxjs'],
  }),
  cache: rule({
    imports: [...base, 'mikro-orm', 'read', ...pureRooms, ...ports],
    types: ['options'],
    packages: ['@mikro-orm/*'],
  }),
  read: rule({ imports: [...base, ...pureRooms, ...ports], types: ['options', 'events', 'observability'] }),

  observability: rule({
    imports: [...base, 'events', ...pureRooms],
    types: ['options', ...ports],
    packages: ['@opentelemetry/api'],
  }),
  'mikro-orm': rule({
    imports: [...base, 'events', 'options', 'read', ...pureRooms, ...ports],
    types: ['spillway', 'flush', 'observability'],
    packages: ['@mikro-orm/*', 'class-validator'],
  }),
  spillway: rule({ imports: ['*'], packages: ['rxjs'], packageTypes: ['@mikro-orm/core'] }),
  doctor: rule({ imports: ['*'] }),
  runtime: rule({ imports: ['*'], packages: ['@mikro-orm/core'] }),
  testing: rule({ imports: ['*'], packages: ['vitest', 'fast-check'] }),
  index: rule({ imports: ['*'] }),
};

/** Rooms with one door: no file of another room imports any other file of them. */
export const doorOfRoom: Readonly<Record<string, string>> = { cache: 'cache/cache.ts' };

/**
 * The folders of `mikro-orm/`, and the files beside them, from the lowest to the highest. Each may import itself and
 * those before it, and not even a type of those behind it.
 */
export const layersOfMikroOrm: readonly string[] = [
  'extension-name',
  'query-option',
  'contract',
  'values',
  'describe',
  'transactions',
  'change',
  'engine',
  'validate',
  'read',
  'write',
  'repository',
  'handshake',
  'hooks',
];

/** Rooms in which files still name types of each other in a circle. A circle of values is nowhere allowed. */
export const roomsWithCirclesOfTypes: readonly string[] = ['sink/postgres'];

/** Rooms that hold no side effect: the same arguments give the same answer, and nothing outside changes. */
export const roomsWithoutEffects: readonly string[] = pureRooms;

/** What only acts on the world outside: nothing for a pure room. */
export const effectfulBuiltins: readonly string[] = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'http2',
  'https',
  'net',
  'process',
  'timers',
  'tls',
  'worker_threads',
];

export const roomOfSql = 'sink/postgres';

/** A file holds one idea. Past the first number it is worth a thought; past this one it is to be split. */
export const maxLinesOfFile = 500;
export const maxLinesOfScript = 100;

function rule(given: Partial<RoomRule>): RoomRule {
  return { imports: [], types: [], packages: [], packageTypes: [], ...given };
}
