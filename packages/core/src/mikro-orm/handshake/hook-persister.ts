import type { AnyEntity, ChangeSet, DriverMethodOptions, UnitOfWork } from '@mikro-orm/core';
import type { ContractWatch } from './contract-watch.js';
import {
  type OperationKind,
  DIRECT,
  DRAINED,
  isDirect,
  isDrained,
  STAGED,
  stagedCall,
  type StagedCall,
  type StagingUnit,
} from '../change/staging-unit.js';

type Options = DriverMethodOptions & { [STAGED]?: StagedCall; [DRAINED]?: boolean; [DIRECT]?: boolean };

/**
 * The persister's three methods, as far as the hook depends on them. Each calls itself again, once per schema, with the
 * options that it was given.
 */
interface Persister {
  executeInserts(changeSets: ChangeSet<AnyEntity>[], options?: Options, withSchema?: boolean): Promise<void>;
  executeUpdates(
    changeSets: ChangeSet<AnyEntity>[],
    batched: boolean,
    options?: Options,
    withSchema?: boolean,
  ): Promise<void>;
  executeDeletes(changeSets: ChangeSet<AnyEntity>[], options?: Options, withSchema?: boolean): Promise<void>;
}

export interface PersisterHooks {
  /** The unit of the flush that is running, if it is staged. */
  readonly unit: StagingUnit | undefined;
  readonly watch: ContractWatch;
  /** True for change sets of the flush that is running. `em.insert(entity)` makes its own. */
  isFlushing(changeSets: readonly ChangeSet<AnyEntity>[]): boolean;
  /** Before entities are inserted past the unit of work. */
  beforeDirect(changeSets: readonly ChangeSet<AnyEntity>[]): Promise<void>;
  /** Before change sets are written by SQL. */
  beforeSql(changeSets: readonly ChangeSet<AnyEntity>[], kind: OperationKind): Promise<void>;
  /** Then, in the transaction that writes them. */
  beforeStatement(
    kind: OperationKind,
    changeSets: readonly ChangeSet<AnyEntity>[],
    options: Readonly<Record<string, unknown>> | undefined,
  ): Promise<void>;
}

/**
 * Marks the calls of a staged flush to the driver, so that the driver's hooks know them; all other calls pass
 * unchanged. The methods are replaced on the instance: MikroORM looks them up there, and keeps the instance itself
 * private.
 */
export function hookPersister(uow: UnitOfWork, hooks: PersisterHooks): void {
  const persister: Persister = uow.getChangeSetPersister();
  const inserts = persister.executeInserts.bind(persister);
  const updates = persister.executeUpdates.bind(persister);
  const deletes = persister.executeDeletes.bind(persister);

  persister.executeInserts = async (changeSets, options, withSchema) =>
    writing('insert', changeSets, options, (marked) => inserts(changeSets, marked, withSchema));
  persister.executeUpdates = async (changeSets, batched, options, withSchema) =>
    writing('update', changeSets, options, (marked) => updates(changeSets, batched, marked, withSchema));
  persister.executeDeletes = async (changeSets, options, withSchema) =>
    writing('delete', changeSets, options, (marked) => deletes(changeSets, marked, withSchema));

  async function writing(
    kind: OperationKind,
    changeSets: ChangeSet<AnyEntity>[],
    options: Options | undefined,
    write: (marked: Options | undefined) => Promise<void>,
  ): Promise<void> {
    const mark = await markFor(kind, changeSets, options);
    await hooks.watch.persisting(changeSets, () => write(mark));
  }

  async function markFor(
    kind: OperationKind,
    changeSets: ChangeSet<AnyEntity>[],
    options: Options | undefined,
  ): Promise<Options | undefined> {
    const again = stagedCall(options);
    const unit = again?.unit ?? hooks.unit;
    if (unit) {
      if (!again) unit.expect(changeSets);
      return { ...options, [STAGED]: { unit, changeSets } };
    }
    // The driver checks calls past the unit of work: calls that give plain data arrive there too.
    if (kind === 'insert' && !hooks.isFlushing(changeSets)) {
      if (!isDirect(options)) await hooks.beforeDirect(changeSets);
      return { ...options, [DIRECT]: true };
    }
    if (!isDrained(options)) {
      await hooks.beforeSql(changeSets, kind);
      await hooks.beforeStatement(kind, changeSets, options as Readonly<Record<string, unknown>> | undefined);
    }
    return { ...options, [DRAINED]: true };
  }
}
