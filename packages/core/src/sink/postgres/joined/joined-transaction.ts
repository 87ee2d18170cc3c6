import type { BatchOutcome } from '../../../change/outcome.js';
import type { RowKey } from '../../../change/row-key.js';
import { SpillwayError } from '../../../errors.js';
import type { Batch } from '../../../staging/flush-side.js';
import type {
  CallerQuery,
  JoinedPart,
  JoinedTransaction,
  OthersPending,
  ParentsPending,
  TransactionOfCaller,
} from '../../change-sink.js';
import { applyBatches } from '../apply/apply-batches.js';
import { plan } from '../plan/plan.js';
import { applyCarefully } from '../apply/apply-groups.js';
import { NO_OTHERS } from '../apply/context.js';
import { SinkRestart } from '../../sink-failure.js';
import { failureOf } from '../fault.js';
import { ledgerFailureOf } from '../ledger/ledger-failure.js';
import { amendHold, enterHold, nameOfTransaction } from '../ledger/hold-ledger.js';
import { readOutcome, readOutcomes } from '../ledger/read-ledger.js';
import { amendLedger, writeLedger } from '../ledger/write-ledger.js';
import { STANDING } from '../place.js';
import type { Cell, Session } from '../session.js';
import { tellFaults, type TransactionSurroundings } from '../transaction.js';
import { CallerSession } from './caller-session.js';

const PROMOTION = 'spillway_promote';

/**
 * Locked rows are skipped. Some waits cannot be skipped: a value of a unique index that another transaction is
 * inserting, a parent that Spillway does not know. Such a wait is so short that PostgreSQL hardly ever searches for a
 * deadlock meanwhile.
 */
const LOCK_TIMEOUT = '20ms';

/** The sink's part in a transaction of the application. */
export class PostgresJoinedTransaction implements JoinedTransaction {
  readonly #session: Session;
  readonly #around: TransactionSurroundings;

  constructor(query: CallerQuery, around: TransactionSurroundings) {
    this.#session = new CallerSession(query);
    this.#around = around;
  }

  async begin(): Promise<TransactionOfCaller> {
    const [name = '', ...standing] = await ledgerWork(() => nameOfTransaction(this.#session));
    return { name: name ?? '', isAtHome: this.#around.standing.isThatOf(standing) };
  }

  async enterHold(id: string): Promise<void> {
    const { ownTables, namespace } = this.#around;
    const { own } = this.#around.standing;
    if (!(await ledgerWork(() => enterHold(this.#session, ownTables, namespace, id, own)))) throw stoodElsewhere();
  }

  async accepts(): Promise<boolean> {
    const [settings] = await this.#session.rows(
      `select current_setting('transaction_isolation') as a, current_setting('transaction_read_only') as b,
${STANDING}`,
      [],
    );
    const [isolation, readOnly, ...standing] = settings ?? [];
    // Where no other transaction can commit meanwhile, its snapshot shows everything.
    const seesOthers =
      this.#around.hasOneConnection || isolation === 'read committed' || isolation === 'read uncommitted';
    return readOnly === 'off' && seesOthers && this.#around.standing.isThatOf(standing);
  }

  async outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>> {
    if (tokens.length === 0) return new Map();
    const { ownTables, namespace } = this.#around;
    return ledgerWork(() => readOutcomes(this.#session, ownTables, namespace, tokens, false));
  }

  async attempt<T>(act: (part: JoinedPart) => Promise<T>): Promise<T> {
    const session = this.#session;
    await session.script(`savepoint ${PROMOTION}`);
    try {
      const [before, ...standing] = await setLockTimeout(session, LOCK_TIMEOUT);
      if (!this.#around.standing.isThatOf(standing)) throw stoodElsewhere();
      const answer = await act(new PostgresJoinedPart(session, this.#around));
      await setLockTimeout(session, before ?? '0');
      await session.script(`release savepoint ${PROMOTION}`);
      return answer;
    } catch (error) {
      // The savepoint restores the setting. If this fails too, the connection is gone, and with it all that was
      // written.
      await session.script(`rollback to savepoint ${PROMOTION}; release savepoint ${PROMOTION}`).catch(() => undefined);
      throw error;
    }
  }
}

class PostgresJoinedPart implements JoinedPart {
  readonly #session: Session;
  readonly #around: TransactionSurroundings;

  constructor(session: Session, around: TransactionSurroundings) {
    this.#session = session;
    this.#around = around;
  }

  async lock(shard: number, waitMs: number): Promise<string | undefined> {
    const { ownTables, namespace } = this.#around;
    const statement = `select last_token from ${ownTables.shard} where namespace = $1 and shard = $2 for update`;
    const ask = async (how: string): Promise<string | undefined> => {
      const [row] = await ledgerWork(() => this.#session.rows(`${statement}${how}`, [namespace, shard]));
      return row?.[0] ?? undefined;
    };
    if (waitMs === 0) return ask(' skip locked');
    await setLockTimeout(this.#session, `${waitMs}ms`);
    try {
      const last = await ask('');
      await setLockTimeout(this.#session, LOCK_TIMEOUT);
      return last;
    } catch (error) {
      // Too late, or two transactions wait for each other's shards. The attempt is undone.
      if (error instanceof SinkRestart) return undefined;
      throw error;
    }
  }

  async outcomeOf(token: string): Promise<BatchOutcome | undefined> {
    const { ownTables, namespace } = this.#around;
    return ledgerWork(() => readOutcome(this.#session, ownTables, namespace, token));
  }

  async apply(
    batch: Batch,
    parentsPending: ParentsPending,
    othersPending: OthersPending = NO_OTHERS,
  ): Promise<BatchOutcome> {
    const { wallTime, tables, pauses } = this.#around;
    // The sink cannot run the application's transaction again.
    const context = {
      session: this.#session,
      names: tables.names,
      wallTime,
      tables,
      pauses,
      parentsPending,
      othersPending,
      isPart: true,
      lockWaits: [],
      mayRestart: false,
    };
    try {
      const { outcomes, tableFaults } = await applyBatches([batch], plan([batch], tables), (groups) =>
        applyCarefully(groups, context),
      );
      tellFaults(tableFaults, this.#around);
      return outcomes.get(batch.token) ?? new Map();
    } catch (error) {
      throw failureOf(error);
    }
  }

  async enter({ shard, token }: Pick<Batch, 'shard' | 'token'>, outcomes: BatchOutcome): Promise<void> {
    const { ownTables, namespace } = this.#around;
    await ledgerWork(() => writeLedger(this.#session, ownTables, namespace, [{ shard, token, outcomes }]));
  }

  async amendHold(id: string, written: readonly RowKey[]): Promise<void> {
    const { ownTables, namespace } = this.#around;
    await ledgerWork(() => amendHold(this.#session, ownTables, namespace, id, written));
  }

  async amend(token: string, outcomes: BatchOutcome): Promise<void> {
    const { ownTables, namespace } = this.#around;
    await ledgerWork(() => amendLedger(this.#session, ownTables, namespace, token, outcomes));
  }
}

/** Sets the transaction's lock time-out. Answers the old one, followed by the transaction's standing. */
async function setLockTimeout(session: Session, to: string): Promise<readonly Cell[]> {
  const [row] = await session.rows(
    `with before as materialized (select current_setting('lock_timeout') as lock_timeout)
select lock_timeout, ${STANDING}, set_config('lock_timeout', $1, true) as changed from before`,
    [to],
  );
  return row ?? [];
}

/** The transaction's statements would go to other tables than the sink's, or run with other rights. */
function stoodElsewhere(): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    'This transaction has set another role or search_path after it had staged changes, which therefore cannot be ' +
      'written in it. Roll it back, and set them before its first flush: then it writes its changes itself',
  );
}

async function ledgerWork<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw ledgerFailureOf(error);
  }
}
