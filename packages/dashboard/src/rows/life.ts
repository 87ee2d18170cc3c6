import type { MikroORM } from '@mikro-orm/core';
import { type RowLife, SpillwayError, type Spillway, type StagedRecord } from '@spillway/core';
import { Refused } from '../http/answers.js';
import type { LifeStep, LifeView } from '../wire.js';
import { keysMeant, keyText } from './key-text.js';
import { rowViewOf, summaryOf } from './letters.js';
import { metadataOf, type ShownValues } from './shown-values.js';

/** The life of one row, by its key. @throws Refused 400 for an entity or a key that cannot be meant */
export async function lifeOf(
  orm: MikroORM,
  spillway: Spillway,
  values: ShownValues,
  { entity, key }: { readonly entity: string; readonly key: string },
): Promise<LifeView> {
  const metadata = metadataOf(orm, entity);
  if (!metadata) throw new Refused(400, `There is no entity ${entity}`);
  return viewOf(await ofKey(async (each) => spillway.life(metadata.class, each), keysMeant(key)), entity, values);
}

async function ofKey(ask: (key: unknown) => Promise<RowLife>, keys: readonly unknown[]): Promise<RowLife> {
  let refusal: unknown;
  for (const key of keys)
    try {
      return await ask(key);
    } catch (error) {
      if (!(error instanceof SpillwayError) || error.code !== 'CONFIG_INVALID') throw error;
      refusal ??= error;
    }
  throw new Refused(400, refusal instanceof Error ? refusal.message : 'A key is missing');
}

function viewOf(life: RowLife, entity: string, values: ShownValues): LifeView {
  const { row } = life;
  const newest = life.dirty ?? life.inFlight?.record;
  const step = (place: LifeStep['place'], record: StagedRecord): LifeStep => ({
    place,
    record: values.record(record, entity),
    // The row was compared with the newest changes only.
    values: values.views(record, record === newest ? row : undefined, entity).filter(({ state }) => state !== 'row'),
  });
  return {
    entity,
    key: keyText(life.rowKey),
    shard: life.shard,
    steps: [
      ...life.held.toReversed().map((record) => step('held', record)),
      ...(life.dirty ? [step('dirty', life.dirty)] : []),
      ...(life.inFlight ? [{ ...step('in flight', life.inFlight.record), token: life.inFlight.token }] : []),
      ...life.letters.map((letter) => ({ ...step('dead', letter.record), letter: summaryOf(letter) })),
    ],
    ...(life.recent && {
      recent: {
        ...(life.recent.version !== undefined && { version: life.recent.version }),
        isDeleted: life.recent.deleted,
      },
    }),
    row: rowViewOf(row),
    values: values.views({ ...EMPTY, kind: 'update' }, row, entity),
  };
}

const EMPTY: Omit<StagedRecord, 'kind'> = {
  entity: '',
  values: {},
  deltas: {},
  originals: {},
  first: 0,
  last: 0,
  firstAtMs: 0,
  merged: 0,
  attempts: 0,
  doubtful: false,
};
