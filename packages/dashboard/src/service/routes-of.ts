import type { EntityName } from '@mikro-orm/core';
import { Spillway } from '@spillway/core';
import { DepthLook } from '../figures/depths.js';
import { Figures } from '../figures/figures.js';
import { streamOf } from '../figures/stream.js';
import { Refused } from '../http/answers.js';
import type { Routes } from '../http/routes.js';
import type { DashboardOptions } from '../options.js';
import { Letters, MOST_LETTERS } from '../rows/letters.js';
import { lifeOf } from '../rows/life.js';
import { metadataOf, ShownValues } from '../rows/shown-values.js';
import type { Capabilities, LetterId } from '../wire.js';
import { doctorOf } from './adapter.js';
import { filterIn, flagIn, lettersIn, numberIn, textIn, valuesIn } from './read-acts.js';

/** Far more letters than Redis keeps by default. */
const MOST_OFFSET = 100_000_000;

/** Everything that the dashboard answers, by path. */
export function routesOf({ orm, values = 'hidden' }: DashboardOptions): Routes {
  const spillway = Spillway.of(orm);
  const shown = new ShownValues(orm, values);
  const letters = new Letters(orm, spillway, shown);
  const depths = new DepthLook(spillway);
  return {
    questions: {
      '/api/capabilities': ({ access }): Capabilities => ({
        access,
        values,
        can: { diagnose: doctorOf(spillway) !== undefined },
        entities: spillway.entities,
      }),
      '/api/status': async () => spillway.status(),
      '/api/health': async () => spillway.health(),
      '/api/depths': async () => depths.now(),
      '/api/letters': async ({ query }) =>
        letters.list(
          { entity: query.get('entity') ?? undefined, code: query.get('code') ?? undefined },
          numberIn(query, 'offset', 0, MOST_OFFSET),
          numberIn(query, 'limit', 50, MOST_LETTERS),
        ),
      '/api/letter': async ({ query }) => letters.detail(letterIn(query)),
      '/api/life': async ({ query }) =>
        lifeOf(orm, spillway, shown, { entity: query.get('entity') ?? '', key: query.get('key') ?? '' }),
      '/api/findings': async () => (doctorOf(spillway) ?? noDoctor)(),
    },
    acts: {
      '/api/letters/retry': async (body) =>
        letters.retry(lettersIn(body), flagIn('force', body['force']), valuesIn(body)),
      '/api/letters/discard': async (body) => letters.discard(lettersIn(body)),
      '/api/letters/retry-all': async (body) => letters.retryAll(filterIn(body), flagIn('force', body['force'])),
      '/api/letters/discard-all': async (body) => letters.discardAll(filterIn(body)),
      '/api/pause': async (body) => {
        await spillway.pause(entityIn(body));
        return {};
      },
      '/api/resume': async (body) => {
        await spillway.resume(entityIn(body));
        return {};
      },
    },
    streams: { '/api/stream': streamOf(new Figures(spillway)) },
  };

  function entityIn({ entity }: Readonly<Record<string, unknown>>): EntityName | undefined {
    const name = textIn('entity', entity);
    if (name === undefined) return undefined;
    const metadata = metadataOf(orm, name);
    if (!metadata) throw new Refused(400, `There is no entity ${name}`);
    return metadata.class;
  }
}

function letterIn(query: URLSearchParams): LetterId {
  const id = query.get('id');
  if (id === null || id === '') throw new Refused(400, 'A dead letter is named by "shard" and "id"');
  return { shard: numberIn(query, 'shard', 0, 4_095), id };
}

function noDoctor(): never {
  throw new Refused(501, 'This release of Spillway has no diagnose(). Update @spillway/core');
}
