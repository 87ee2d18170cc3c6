import type { Routes } from '../http/routes.js';
import type { DashboardOptions } from '../options.js';
import type { Capabilities, Overview } from '../wire.js';
import { Service } from './adapter.js';

/** Everything that the dashboard answers, by path. */
export function routesOf({ orm, values = 'hidden' }: DashboardOptions): Routes {
  const service = new Service(orm);
  return {
    questions: {
      '/api/capabilities': ({ access }): Capabilities => ({
        access,
        values,
        can: { pause: service.has('pause'), diagnose: service.has('diagnose') },
        entities: [],
      }),
      '/api/overview': async (): Promise<Overview> => {
        const [status, health] = await Promise.all([service.spillway.status(), service.spillway.health()]);
        return { atMs: Date.now(), status, health };
      },
    },
    acts: {},
    streams: {},
  };
}
