/**
 * A process that stages and writes until it is asked to stop (SIGTERM), says how that went, and does nothing more: it
 * ends when nothing of Spillway's is open any more. MikroORM's own connections are used for a moment at the first use.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Spillway, type SpillwayOptions } from '../../../../src/index.js';
import { say, settings } from '../child.js';
import { Gauge, openGauges, type Place } from '../gauge.js';

export interface StoppingSettings extends Place {
  readonly timeoutMs: number;
  readonly options?: Partial<SpillwayOptions>;
  /** Stages rows of it until it stops. @defaultValue 1 */
  readonly rows?: number;
  /** Begins to open everything, and does not wait until it is open. */
  readonly isOpening?: boolean;
  /** Its rows are cached, and one is looked up. Then `way` is `'close'`, for MikroORM has a connection too. */
  readonly isCached?: boolean;
  /** @defaultValue `'stop'` */
  readonly way?: StoppingWay;
}

/** How the process is ended within its time. */
type StoppingWay = 'stop' | 'close' | 'hurried' | 'twice';

const {
  timeoutMs,
  options = {},
  rows = 1,
  isOpening,
  isCached,
  way = 'stop',
  ...place
} = settings() as StoppingSettings;
const log = (line: string): void => say({ logged: line });
const logger = { warn: log, error: log };
const orm = await openGauges(place, {
  defaults: { debounce: '5ms', maxDelay: '20ms', ...(isCached && { cache: { ttl: '1m' } }) },
  logger,
  ...options,
});
const service = Spillway.of(orm);
const stopping = new AbortController();

const WAYS: Readonly<Record<StoppingWay, () => Promise<number | undefined>>> = {
  stop: async () => (await service.stop({ timeout: timeoutMs })).left,
  close: async () => {
    service.stopWithin(timeoutMs);
    await orm.close();
    return (await service.stop()).left;
  },
  // It has been asked to end, and learns then that there is less time.
  hurried: async () => {
    const report = service.stop({ timeout: '10m' });
    await pause(1);
    service.stopWithin(timeoutMs);
    return (await report).left;
  },
  twice: async () => {
    const report = service.stop({ timeout: '10m' });
    const second = await service.stop({ timeout: timeoutMs });
    return (await report) === second ? second.left : undefined;
  },
};

process.once('SIGTERM', () => {
  stop().catch((error: unknown) => {
    say({ failed: String(error) });
    process.exitCode = 3;
  });
});

if (isOpening) {
  service.start().catch((error: unknown) => say({ notOpened: String(error) }));
  say({ opening: true });
} else {
  await service.start();
  await service.increment(Gauge, 1, { value: 1 });
  await service.drain();
  if (isCached) await orm.em.fork().findOneOrFail(Gauge, 1);
  say({ ready: true });
  for (let round = 0; !stopping.signal.aborted; round++) {
    try {
      for (let id = 1; id <= rows; id++) await service.increment(Gauge, id, { value: 1 });
      say({ round });
    } catch (error) {
      say({ refused: String(error) });
    }
    await pause(20);
  }
}

async function stop(): Promise<void> {
  stopping.abort();
  say({ stopping: true });
  const began = performance.now();
  const left = await WAYS[way]();
  say({ stopped: true, ms: Math.round(performance.now() - began), left: left ?? null });
}
