import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import type { OpenSide } from './side.js';

/** Between two looks at what runs, microseconds. */
const EVERY = 200;

/** The side, each of whose rounds writes what Node has done meanwhile to `file`. The last one stays. */
export function profiled(side: OpenSide, file: string): OpenSide {
  return {
    ...side,
    async round(round) {
      const session = new Session();
      session.connect();
      try {
        await session.post('Profiler.enable');
        await session.post('Profiler.setSamplingInterval', { interval: EVERY });
        await session.post('Profiler.start');
        const readings = await side.round(round);
        const { profile } = await session.post('Profiler.stop');
        writeFileSync(file, JSON.stringify(profile));
        return readings;
      } finally {
        session.disconnect();
      }
    },
  };
}
