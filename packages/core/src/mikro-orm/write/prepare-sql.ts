import { raw, type AnyEntity, type ChangeSet, type EntityManager } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { counterDelta, decimalText } from '../values/counter-delta.js';
import { knownRowKey, namesKey } from '../describe/entity-key.js';
import type { Engine } from '../engine.js';
import { signalOfManager } from '../contract/signals.js';
import type { CallersTransactions } from '../transactions/caller.js';
import { tableScope } from '../describe/with-others.js';
import { flushContent } from './flush-content.js';
import { rowsInvolved, typesChanged, typesContended } from './flush-scope.js';
import type { TypeRegistry } from '../describe/type-registry.js';

/** The parts of Spillway that prepare a flush for SQL. */
export interface SqlPreparation {
  readonly types: TypeRegistry;
  readonly engine: Pick<Engine, 'waits' | 'writes'>;
  readonly transactions: CallersTransactions;
}

/**
 * Prepares a flush of write-behind entities for SQL. Pending changes are written first: those of the rows that the
 * flush involves, and those of other rows that affect it. The staging store then forgets the rows that the flush makes:
 * inserts, and rows that get another key.
 */
export async function prepareSql(em: EntityManager, { types, engine, transactions }: SqlPreparation): Promise<void> {
  const content = flushContent(em);
  const involved = [...rowsInvolved(types, content)];
  const others = [...new Set([...typesChanged(types, content), ...typesContended(types, content)])];
  if (involved.length + others.length === 0) return;
  const asked = {
    inside: transactions.of(em.getTransactionContext()),
    beforeWrite: true,
    signal: signalOfManager(em),
  };
  if (others.length > 0) await engine.waits.drain(tableScope(others, types), asked);
  if (involved.length > 0) await engine.waits.drain({ kind: 'rows', keys: involved }, asked);
  const made = content.changeSets.flatMap((changeSet) => madeRow(types, changeSet));
  if (made.length > 0) await engine.writes.forget(made);
}

/** The payload has the key only for a new row, or for a row whose key is changed. */
function madeRow(types: TypeRegistry, { meta, payload, originalEntity }: ChangeSet<AnyEntity>): RowKey[] {
  const type = types.of(meta);
  const key = type && namesKey(type, payload) ? knownRowKey(type, { ...originalEntity, ...payload }) : undefined;
  return key === undefined ? [] : [key];
}

/**
 * Counters commute also if they are written by SQL. Other writers may have added to them since they were loaded, and no
 * version tells. Their change is therefore an addition in the statement too.
 */
export function addCounters(types: TypeRegistry, changeSets: readonly ChangeSet<AnyEntity>[]): void {
  for (const { meta, payload, originalEntity } of changeSets) {
    const type = types.of(meta);
    if (!type) continue;
    for (const [counter, scale] of type.counters) {
      const loaded: unknown = originalEntity && Reflect.get(originalEntity, counter);
      const value = type.values.get(counter)?.value;
      const delta =
        counter in payload ? counterDelta(loaded, Reflect.get(payload, counter), { scale, column: value }) : undefined;
      const column = type.meta.properties[counter]?.fieldNames[0];
      if (delta !== undefined)
        Reflect.set(payload, counter, raw('coalesce(??, 0) + ?', [column, decimalText(BigInt(delta), scale)]));
    }
  }
}
