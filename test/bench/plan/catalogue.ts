/** Every measurement: its sides, what it reads, and what has to come out. The work itself is in `measurements/`. */

import { OLDER, type Measurement } from './measurement.js';

const speed = { speed: { name: 'speed', unit: 'per s' } } as const;
/** Of every policy that does not say otherwise, ms. */
const MAX_DELAY = 1_000;
const whileWritten = {
  speed: { name: 'saves', unit: 'per s' },
  transactions: { name: 'transactions', unit: 'per s' },
  oldestP50: { name: 'oldest p50', unit: 'ms' },
  oldestP99: { name: 'oldest p99', unit: 'ms' },
} as const;
const rowSpeed = { speed: { name: 'speed', unit: 'rows/s' } } as const;

export const catalogue: readonly Measurement[] = [
  {
    id: 'P1',
    file: 'accept',
    what: 'find by key, change, flush; 64 at once',
    sides: { 'cache on': 'ours', 'cache off': 'ours', 'cache on, own worker': 'ours', undecorated: 'reference' },
    readings: speed,
    ratios: [
      { of: 'cache on', to: 'undecorated', reading: 'speed', atLeast: 6, aim: 12 },
      { of: 'cache off', to: 'undecorated', reading: 'speed', atLeast: 3, aim: 5 },
      { of: 'cache on, own worker', to: 'undecorated', reading: 'speed' },
    ],
  },
  {
    id: 'look-ups',
    file: 'look-ups',
    what: 'find by key, of rows with pending changes; 64 at once',
    sides: { 'cache on': 'ours', 'cache off': 'ours', undecorated: 'reference' },
    readings: speed,
    ratios: [
      { of: 'cache on', to: 'undecorated', reading: 'speed', atLeast: 3, aim: 6 },
      { of: 'cache off', to: 'undecorated', reading: 'speed' },
    ],
  },
  {
    id: 'mixed',
    file: 'mixed',
    what: 'half increments, 30 % look-ups, 10 % counts, 10 % locking transactions; 20 at once on 2,000 rows, own worker',
    sides: { 'written behind': 'ours', undecorated: 'reference' },
    readings: { ...speed, p99: { name: 'p99', unit: 'ms' } },
    ratios: [
      { of: 'written behind', to: 'undecorated', reading: 'speed', atLeast: 1.5, aim: 3 },
      { of: 'written behind', to: 'undecorated', reading: 'p99', atMost: 1 },
    ],
  },
  {
    id: 'P2',
    file: 'patch',
    what: 'patch of three properties, increment of one; 64 at once',
    sides: { patch: 'ours', increment: 'ours', evalsha: 'reference', 'pg update': 'reference' },
    readings: speed,
    ratios: [
      { of: 'patch', to: 'evalsha', reading: 'speed', atLeast: 0.25, aim: 0.4 },
      { of: 'increment', to: 'evalsha', reading: 'speed', atLeast: 0.25, aim: 0.4 },
      { of: 'patch', to: 'pg update', reading: 'speed' },
      { of: 'increment', to: 'pg update', reading: 'speed' },
    ],
  },
  {
    id: 'P3',
    file: 'drain',
    what: 'drain of a full staging store, 8 columns, batches of 500',
    sides: {
      '1 connection': 'ours',
      '4 connections': 'ours',
      'statement, 1 connection': 'reference',
      'statement, 4 connections': 'reference',
    },
    readings: rowSpeed,
    ratios: [
      { of: '1 connection', to: 'statement, 1 connection', reading: 'speed', atLeast: 0.5, aim: 0.7 },
      { of: '4 connections', to: 'statement, 4 connections', reading: 'speed', atLeast: 0.4, aim: 0.6 },
    ],
  },
  {
    id: 'busy-page',
    file: 'busy-page',
    what: '500 rows of one find, 8 properties changed, flushed',
    sides: { 'cache on': 'ours', 'cache off': 'ours', undecorated: 'reference' },
    readings: rowSpeed,
    ratios: [
      { of: 'cache on', to: 'undecorated', reading: 'speed', atLeast: 4, aim: 6 },
      { of: 'cache off', to: 'undecorated', reading: 'speed' },
    ],
  },
  {
    id: 'redis-time',
    file: 'redis-time',
    what: "Redis' own time for one staged change, with 1, 4, 16 and 64 callers",
    sides: { increment: 'ours', patch: 'ours', evalsha: 'reference' },
    readings: {
      time1: { name: '1 at once', unit: 'us' },
      time4: { name: '4 at once', unit: 'us' },
      time16: { name: '16 at once', unit: 'us' },
      time64: { name: '64 at once', unit: 'us' },
    },
    ratios: [
      { of: 'increment', to: OLDER, reading: 'time64', atMost: 1 / 3, aim: 1 / 4 },
      { of: 'increment', to: 'evalsha', reading: 'time64' },
      { of: 'patch', to: 'evalsha', reading: 'time64' },
    ],
  },
  {
    id: 'orders',
    file: 'orders',
    what: 'orders of a shop as stock and customer updates; 2 writers of 4 orders at a time, 1 worker',
    sides: {
      'written behind': 'ours',
      'native updates': 'reference',
      'row locks': 'reference',
      versioned: 'reference',
    },
    readings: {
      speed: { name: 'saves', unit: 'per s' },
      written: { name: 'until written', unit: 'per s' },
      rows: { name: 'written', unit: 'rows' },
      coalescing: { name: 'saves/row', unit: 'x' },
      batch: { name: 'a transaction', unit: 'rows' },
      refused: { name: 'refused', unit: 'calls' },
      oldestP50: { name: 'oldest p50', unit: 'ms' },
      oldestP99: { name: 'oldest p99', unit: 'ms' },
      bytes: { name: 'Redis, each pending row', unit: 'bytes' },
    },
    ratios: [
      { of: 'written behind', to: 'native updates', reading: 'speed', atLeast: 2, aim: 4 },
      { of: 'written behind', to: 'row locks', reading: 'speed', atLeast: 1.5, aim: 3 },
      { of: 'written behind', to: 'versioned', reading: 'speed' },
    ],
    limits: [{ of: 'written behind', reading: 'batch', atLeast: 50 }],
  },
  {
    id: 'script-calls',
    file: 'script-calls',
    what: 'scripts that Redis runs for a unit of work over 10 rows of 10 shards',
    sides: { 'cache on': 'ours', 'cache off': 'ours' },
    readings: { find: { name: 'find', unit: 'calls' }, flush: { name: 'flush', unit: 'calls' } },
    ratios: [],
    limits: [
      { of: 'cache on', reading: 'flush', atMost: 1 },
      { of: 'cache off', reading: 'flush', atMost: 1 },
    ],
  },
  {
    id: 'node-cpu',
    file: 'node-cpu',
    what: 'what Node spends on one call; flush is find + change + flush, look-ups and flushes have the cache on',
    sides: {
      patch: 'ours',
      flush: 'ours',
      'look-up': 'ours',
      evalsha: 'reference',
      'flush, undecorated': 'reference',
      'look-up, undecorated': 'reference',
    },
    readings: { cpu: { name: 'CPU', unit: 'us' } },
    ratios: [
      { of: 'patch', to: OLDER, reading: 'cpu', atMost: 1 / 2, aim: 1 / 3 },
      { of: 'flush', to: OLDER, reading: 'cpu', atMost: 1 / 5 },
      { of: 'patch', to: 'evalsha', reading: 'cpu' },
      { of: 'flush', to: 'flush, undecorated', reading: 'cpu' },
      { of: 'look-up', to: 'look-up, undecorated', reading: 'cpu' },
    ],
  },
  {
    id: 'P6',
    file: 'latency',
    what: 'one call alone: flush of one change, patch of three properties',
    sides: { flush: 'ours', patch: 'ours', evalsha: 'reference', undecorated: 'reference' },
    readings: { p50: { name: 'p50', unit: 'ms' }, p99: { name: 'p99', unit: 'ms' } },
    ratios: [
      { of: 'flush', to: 'evalsha', reading: 'p50', atMost: 2.5, aim: 1.5 },
      { of: 'patch', to: 'evalsha', reading: 'p50' },
      { of: 'flush', to: 'undecorated', reading: 'p50' },
    ],
  },
  {
    id: 'P8',
    file: 'pending-bytes',
    what: 'what Redis holds for a pending row beyond its three values; each patch leaves the number of its call too',
    sides: { flush: 'ours', patch: 'ours' },
    readings: { bytes: { name: 'each row', unit: 'bytes' } },
    ratios: [],
    limits: [{ of: 'flush', reading: 'bytes', atMost: 200, aim: 150 }],
  },
  {
    id: 'P4',
    file: 'drain-and-orm',
    what: "drain, MikroORM's flush of 1,000 changed entities, and its upsertMany of 1,000; 8 columns, 1 connection",
    sides: { drain: 'ours', 'batch flush': 'reference', upsertMany: 'reference' },
    readings: rowSpeed,
    ratios: [
      { of: 'drain', to: 'batch flush', reading: 'speed', atLeast: 4, aim: 6 },
      { of: 'drain', to: 'upsertMany', reading: 'speed', atLeast: 2.5, aim: 4 },
    ],
  },
  {
    id: 'P5',
    file: 'sustained',
    what: 'find by key, change, flush, until all is written; 64 at once for 10 s, a worker process',
    sides: { 'written behind': 'ours', undecorated: 'reference' },
    readings: whileWritten,
    ratios: [{ of: 'written behind', to: 'undecorated', reading: 'speed', atLeast: 4, aim: 8 }],
    limits: [{ of: 'written behind', reading: 'oldestP99', atMost: MAX_DELAY + 1_000 }],
  },
  {
    id: 'thin',
    file: 'thin',
    what: '2,000 increments a second over all shards, a worker process',
    sides: { 'written behind': 'ours' },
    readings: whileWritten,
    ratios: [],
    limits: [{ of: 'written behind', reading: 'oldestP99', atMost: MAX_DELAY + 1_000 }],
  },
  {
    id: 'P7',
    file: 'hot-rows',
    what: '1,000 increments a second of 50,000 rows into a PostgreSQL that takes 200 rows a second; 30 s, or 90 s',
    sides: { 'written behind': 'ours' },
    readings: {
      pending: { name: 'pending', unit: 'rows' },
      share: { name: 'of changed rows', unit: 'x' },
      bytes: { name: 'Redis, each pending row', unit: 'bytes' },
      bytesGrowth: { name: 'second half / first', unit: 'x' },
      processGrowth: { name: 'process, second half / first', unit: 'x' },
    },
    ratios: [],
    limits: [
      { of: 'written behind', reading: 'share', atMost: 1 },
      { of: 'written behind', reading: 'bytesGrowth', atMost: 1.1 },
      { of: 'written behind', reading: 'processGrowth', atMost: 1.1 },
    ],
  },
  {
    id: 'P9',
    file: 'idle',
    what: 'a process that has written 3,200 rows and has nothing to do',
    sides: { 'written behind': 'ours', undecorated: 'reference' },
    readings: {
      cpu: { name: 'CPU', unit: '%' },
      timers: { name: 'timers', unit: 'timers' },
      busy: { name: 'with SQL', unit: 'connections' },
    },
    ratios: [],
    limits: [
      { of: 'written behind', reading: 'cpu', atMost: 1 },
      { of: 'written behind', reading: 'timers', atMost: 20 },
      { of: 'written behind', reading: 'busy', atMost: 0 },
    ],
  },
  {
    id: 'P10',
    file: 'many-pending',
    what: 'increments of rows that are pending, with so many pending rows; 64 at once',
    sides: {
      '1,000 pending': 'ours',
      '10,000 pending': 'ours',
      '100,000 pending': 'ours',
      '1,000,000 pending': 'ours',
    },
    fullSides: ['1,000,000 pending'],
    readings: { ...speed, time: { name: 'Redis, each change', unit: 'us' } },
    ratios: ['10,000 pending', '100,000 pending', '1,000,000 pending'].map((of) => ({
      of,
      to: '1,000 pending',
      reading: 'time',
      atMost: 1.3,
    })),
  },
];
